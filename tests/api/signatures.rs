//! Heads of items that a macro makes: their source is the macro's, so rustdoc's description is written
//! as Rust instead.

use serde_json::Value;

/// What an item is, from its kind and rustdoc's description.
pub fn head(kind: &str, inner: &Value) -> String {
    match kind {
        "function" => {
            let signature = signature(&inner["sig"], &inner["header"]);
            format!("fn{}{signature}", generics(&inner["generics"]))
        }
        "static" | "constant" => format!("{kind}: {}", type_of(&inner["type"])),
        "impl" => format!("impl{} {}", generics(&inner["generics"]), type_of(&inner["for"])),
        kind => format!("{kind}{}", generics(&inner["generics"])),
    }
}

fn signature(signature: &Value, header: &Value) -> String {
    let inputs = list(&signature["inputs"], |input| {
        format!("{}: {}", input[0].as_str().unwrap_or_default(), type_of(&input[1]))
    });
    let output = match &signature["output"] {
        Value::Null => String::new(),
        output => format!(" -> {}", type_of(output)),
    };
    let is = |key: &str| header[key].as_bool().unwrap_or_default();
    let words = [("is_const", " const"), ("is_unsafe", " unsafe"), ("is_async", " async")];
    let words: String =
        words.into_iter().filter(|(key, _)| is(key)).map(|(_, word)| word).collect();
    let abi = match header["abi"].as_str() {
        Some("Rust") => String::new(),
        _ => format!(" extern {}", header["abi"]),
    };
    format!("({inputs}){output}{words}{abi}")
}

fn generics(generics: &Value) -> String {
    let parameters = list(&generics["params"], |parameter| {
        let name = parameter["name"].as_str().unwrap_or_default().to_string();
        let kind = &parameter["kind"];
        name + &bounds(if kind["type"].is_null() { kind } else { &kind["type"]["bounds"] })
    });
    let conditions = list(&generics["where_predicates"], |condition| {
        let of = &condition["bound_predicate"];
        match of.is_null() {
            true => without_numbers(condition),
            false => type_of(&of["type"]) + &bounds(&of["bounds"]),
        }
    });
    match (parameters.as_str(), conditions.as_str()) {
        ("", "") => String::new(),
        (_, "") => format!("<{parameters}>"),
        _ => format!("<{parameters} where {conditions}>"),
    }
}

/// Of a type's parameter a list; of a lifetime and a constant, rustdoc's own description.
fn bounds(described: &Value) -> String {
    let bound = |bound: &Value| match (&bound["trait_bound"]["trait"], &bound["outlives"]) {
        (Value::Null, Value::String(lifetime)) => lifetime.clone(),
        (Value::Null, _) => without_numbers(bound),
        (path, _) => path_of(path),
    };
    match described.as_array() {
        None => format!(": {}", without_numbers(described)),
        Some(bounds) if bounds.is_empty() => String::new(),
        Some(bounds) => format!(": {}", bounds.iter().map(bound).collect::<Vec<_>>().join(" + ")),
    }
}

/// Of kinds of types that no generated item has so far, rustdoc's own description.
fn type_of(described: &Value) -> String {
    let Some((kind, inner)) = described.as_object().and_then(|it| it.iter().next()) else {
        return without_numbers(described);
    };
    match kind.as_str() {
        "primitive" | "generic" => inner.as_str().unwrap_or_default().to_string(),
        "slice" => format!("[{}]", type_of(inner)),
        "array" => {
            format!("[{}; {}]", type_of(&inner["type"]), inner["len"].as_str().unwrap_or_default())
        }
        "tuple" => format!("({})", list(inner, type_of)),
        "borrowed_ref" => {
            let lifetime =
                inner["lifetime"].as_str().map(|it| format!("{it} ")).unwrap_or_default();
            format!("&{lifetime}{}{}", mutable(inner), type_of(&inner["type"]))
        }
        "raw_pointer" => format!("*{}{}", mutable(inner), type_of(&inner["type"])),
        "function_pointer" => format!("fn{}", signature(&inner["sig"], &inner["header"])),
        "resolved_path" => path_of(inner),
        "qualified_path" => {
            let name = inner["name"].as_str().unwrap_or_default();
            format!("<{} as {}>::{name}", type_of(&inner["self_type"]), path_of(&inner["trait"]))
        }
        _ => without_numbers(described),
    }
}

fn path_of(described: &Value) -> String {
    let arguments = &described["args"]["angle_bracketed"]["args"];
    let path = described["path"].as_str().unwrap_or_default();
    match arguments.as_array().is_none_or(Vec::is_empty) {
        true => path.to_string(),
        false => format!("{path}<{}>", list(arguments, argument)),
    }
}

/// An argument of a generic type.
fn argument(argument: &Value) -> String {
    match (argument.get("type"), argument["lifetime"].as_str()) {
        (Some(described), _) => type_of(described),
        (None, Some(lifetime)) => lifetime.to_string(),
        (None, None) => without_numbers(argument),
    }
}

fn mutable(reference: &Value) -> &'static str {
    if reference["is_mutable"].as_bool().unwrap_or_default() { "mut " } else { "" }
}

fn list(values: &Value, show: impl Fn(&Value) -> String) -> String {
    let values = values.as_array().into_iter().flatten();
    values.map(show).collect::<Vec<_>>().join(", ")
}

/// A description without the numbers of items, which change with every other item.
fn without_numbers(described: &Value) -> String {
    fn clear(value: &mut Value) {
        match value {
            Value::Object(map) => {
                map.retain(|key, _| key != "id" && key != "crate_id");
                map.values_mut().for_each(clear);
            }
            Value::Array(values) => values.iter_mut().for_each(clear),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let mut described = described.clone();
    clear(&mut described);
    described.to_string()
}
