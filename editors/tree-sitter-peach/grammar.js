// The grammar of kernels for tree-sitter: as much structure as highlighting, folding and motions
// need. Words that mean something only in some places (extensions, classes, mnemonics) are
// identifiers.

/// <reference types="tree-sitter-cli/dsl" />

const PRECEDENCE = [
  ["||"], ["&&"], ["==", "!=", "<", "<=", ">", ">="], ["|"], ["^"], ["&"], ["<<", ">>"],
  ["+", "-"], ["*", "/", "%"],
];
const RANGE = 1;
const CAST = PRECEDENCE.length + 2;
const UNARY = CAST + 1;
const POSTFIX = UNARY + 1;

const ASSIGNMENTS = ["=", "+=", "-=", "*=", "/=", "%=", "^=", "&=", "|=", "<<=", ">>="];

/** Elements with commas between, and perhaps one at the end. */
const list = (rule) => optional(seq(rule, repeat(seq(",", rule)), optional(",")));

/** One of some signs. */
const operatorOf = (signs) => (signs.length > 1 ? choice(...signs) : signs[0]);

/** Braces that may touch what is before them, where others must. */
const opening = choice("{", token.immediate("{"));
const closing = choice("}", token.immediate("}"));

module.exports = grammar({
  name: "peach",
  word: ($) => $.identifier,
  extras: ($) => [/\s/, $.line_comment, $.block_comment],
  inline: ($) => [$._name],
  conflicts: ($) => [
    [$.list, $.token_brackets],
    [$.tuple_pattern, $._expression],
    [$.tuple_pattern, $.tuple],
    [$.if, $.conditional],
    [$._expression, $._token],
    [$.tuple, $.token_parentheses],
    [$.type_path],
    [$.name, $.type_path],
    [$._expression, $.closure],
    [$.name],
    [$._type, $.generic_type],
    [$.name, $.generic_type],
    [$.macro],
    [$.arguments, $.tuple],
    [$.template, $._expression],
    [$.decoration, $._expression],
    [$.path],
    [$._expression, $.templated],
    [$.helper_call, $.instruction, $._expression],
    [$.instruction, $._expression],
  ],

  rules: {
    source_file: ($) => repeat($._statement),

    line_comment: () => token(seq("//", /[^\n]*/)),
    block_comment: ($) =>
      seq("/*", repeat(choice($._comment_text, $.block_comment)), token.immediate("*/")),
    _comment_text: () => token.immediate(choice(/[^*\/]+/, "*", "/")),

    _statement: ($) =>
      choice(
        $.attribute, $.fallback, $.function, $.constant, $.label_definition, $.let, $.assignment, $.for, $.if,
        $.while, $.loop, $.unsafe, $.stream, $.schedule, $.return, $.macro, $.invariant,
        $.declassify, $.instruction, $.helper_call, $.jump, $.block, ";",
      ),
    block: ($) => seq("{", repeat($._statement), optional($._expression), "}"),

    attribute: ($) => seq(choice("#", "#!"), $.token_brackets),
    visibility: ($) => seq("pub", optional($.token_parentheses)),
    function: ($) => seq($._head, $.block),
    // Its body is Rust.
    fallback: ($) => seq("#", "[", "fallback", "]", repeat($.attribute), $._head, $.token_braces),
    _head: ($) =>
      seq(
        optional($.visibility),
        repeat(choice("unsafe", "inline", "local", "const", seq("extern", optional($.string)))),
        "fn",
        field("name", $.name),
        optional($.generics),
        $.parameters,
        optional(seq("->", $._type)),
        optional(seq("where", repeat1(choice($.label, $._type, ":", "+", ",")))),
      ),
    // `pack_{B}`
    name: ($) => choice($._name, seq($.identifier, repeat1($.template)), repeat1($.template)),
    template: ($) =>
      seq(token.immediate("{"), $.identifier, closing, optional($._name_end)),
    _name_end: () => token.immediate(/[A-Za-z0-9_]+/),
    generics: ($) =>
      seq("<", list(seq($.label, optional(seq(":", $.label, repeat(seq("+", $.label)))))), ">"),
    parameters: ($) => seq("(", list($.parameter), ")"),
    parameter: ($) => seq(repeat($.attribute), optional("mut"), $._name, ":", $._type),

    constant: ($) =>
      seq(
        optional($.visibility),
        "const",
        field("name", $._name),
        optional(seq(":", $._type, optional(seq("align", $._expression)))),
        "=",
        $._expression,
        ";",
      ),
    label_definition: ($) => seq($.label, optional(seq("[", $._expression, "]")), ":"),
    let: ($) =>
      seq(
        "let",
        optional("mut"),
        choice(seq($._name, repeat(seq(",", $._name))), $.tuple_pattern),
        optional(seq(":", $._type, optional(seq("align", $._expression)))),
        optional(seq("=", $._operand)),
        ";",
      ),
    tuple_pattern: ($) => seq("(", list(choice($._name, $.tuple_pattern)), ")"),
    assignment: ($) => seq($._expression, choice(...ASSIGNMENTS), $._operand, ";"),
    for: ($) =>
      seq("for", choice($._name, $.tuple_pattern), "in", $._expression, $.block),
    if: ($) => seq("if", $._expression, $.block, optional(seq("else", choice($.if, $.block)))),
    while: ($) => seq("while", $._expression, $.block),
    loop: ($) => seq("loop", choice($.block, seq($.label, ";"))),
    unsafe: ($) => seq("unsafe", $.block),
    stream: ($) => seq("stream", field("name", $._name), $.block),
    schedule: ($) =>
      seq(
        choice("issue", "interleave", "emit"),
        seq($._expression, optional($._expression)),
        repeat(seq(",", choice("..", seq($._expression, optional($._expression))))),
        ";",
      ),
    return: ($) => seq("return", optional($._operand), ";"),
    jump: ($) => seq(choice("break", "continue"), optional($.label), ";"),
    macro: ($) => seq($._name, "!", choice($.token_parentheses, $.token_braces), optional(";")),
    invariant: ($) => seq("invariant", list($._expression), ";"),
    declassify: ($) => seq("declassify", list($._expression), ";"),
    helper_call: ($) => prec.dynamic(1, seq(field("name", choice($._name, $.templated)), $.arguments, ";")),

    instruction: ($) =>
      seq(
        repeat(field("prefix", $.prefix)),
        field("mnemonic", $._name),
        optional(seq($._operand, repeat(seq(",", $._operand)))),
        ";",
      ),
    prefix: () =>
      choice("lock", "rep", "repe", "repne", "repz", "repnz", "evex", "vex", "vex3"),
    _operand: ($) => seq(choice($._expression, $.decoration), repeat($.decoration)),
    decoration: ($) =>
      seq(opening, choice($._expression, $.broadcast, seq($.identifier, "-", "sae")), closing),
    broadcast: () => token(prec(1, /1to[0-9]+/)),

    _expression: ($) =>
      choice(
        $._name, $.path, $.integer, $.float, $.string, $.character, $.boolean, $.label,
        $.indexed_label, $.end, $.unary, $.binary, $.cast, $.range, $.field, $.index, $.call,
        $.tuple, $.list, $.rust, $.symbol, $.sized, $.segment, $.closure,
        $.conditional,
      ),
    // The words for sizes are names, too.
    _name: ($) => choice($.identifier, $.variable, alias($.size, $.identifier)),
    templated: ($) => prec.right(seq($.identifier, repeat1($.template))),
    path: ($) => prec.left(POSTFIX, seq(optional($._name), repeat1(prec.left(seq("::", $._name))))),
    boolean: () => choice("true", "false"),
    indexed_label: ($) => prec(POSTFIX, seq($.label, "[", $._expression, "]")),
    // A labeled block's ends.
    end: ($) => seq(choice("break", "continue"), $.label),
    unary: ($) => prec(UNARY, seq(choice("-", "!", "*", "&"), $._expression)),
    binary: ($) =>
      choice(
        ...PRECEDENCE.map((operators, level) =>
          prec.left(level + 2, seq($._expression, operatorOf(operators), $._expression)),
        ),
      ),
    cast: ($) => prec.left(CAST, seq($._expression, "as", $._type)),
    range: ($) =>
      prec.left(RANGE, seq($._expression, choice("..", "..="), optional($._expression))),
    field: ($) =>
      prec.left(POSTFIX, seq($._expression, ".", $.identifier, repeat($.template))),
    index: ($) => prec.left(POSTFIX, seq($._expression, "[", $._expression, "]")),
    call: ($) => prec.left(POSTFIX, seq(choice($._expression, $.templated), $.arguments)),
    arguments: ($) => seq("(", list($._operand), ")"),
    // Also an expression in parentheses.
    tuple: ($) => seq("(", list($._operand), ")"),
    // Memory, or a list.
    list: ($) =>
      seq("[", choice(list($._operand), seq($._operand, ";", $._expression)), "]"),
    rust: ($) => seq("const", $.token_braces),
    symbol: ($) => prec.right(seq("sym", choice($._name, $.path))),
    sized: ($) =>
      prec.dynamic(2, prec.right(UNARY, seq(field("size", $.size), optional("ptr"), $._expression))),
    size: () =>
      choice(
        "byte", "word", "dword", "qword", "xmmword", "ymmword", "zmmword", "BYTE", "WORD", "DWORD",
        "QWORD", "XMMWORD", "YMMWORD", "ZMMWORD", "short", "near", "disp8", "disp32",
      ),
    segment: ($) => prec(POSTFIX, seq($.identifier, ":", $.list)),
    closure: ($) =>
      prec.right(seq("|", list(choice($._name, $.tuple_pattern)), "|", $._expression)),
    conditional: ($) =>
      seq("if", $._expression, $.block, "else", choice($.block, $.conditional)),

    _type: ($) =>
      choice(
        alias($.name, $.type), $.type_path, $.reference_type, $.pointer_type, $.array_type,
        $.tuple_type, $.generic_type, $.function_type, alias("const", $.type), $.token_reference,
      ),
    type_path: ($) => seq(optional($._name), repeat1(seq("::", $._name))),
    token_reference: ($) => seq("?", $._name),
    reference_type: ($) =>
      seq(choice("&", "&&"), optional($.label), optional("mut"), $._type),
    pointer_type: ($) => seq("*", choice("const", "mut"), $._type),
    array_type: ($) => seq("[", $._type, optional(seq(";", $._expression)), "]"),
    tuple_type: ($) => seq("(", list($._type), ")"),
    generic_type: ($) =>
      seq(choice($._name, $.type_path), "<", list(choice($._type, $.label)), ">"),
    function_type: ($) =>
      prec.right(
        seq(
          optional("unsafe"),
          optional(seq("extern", optional($.string))),
          "fn",
          "(",
          list(seq(optional(seq($._name, ":")), $._type)),
          ")",
          optional(seq("->", $._type)),
        ),
      ),

    // Rust's own tokens.
    token_brackets: ($) => seq("[", repeat($._token), "]"),
    token_braces: ($) => seq("{", repeat($._token), "}"),
    token_parentheses: ($) => seq("(", repeat($._token), ")"),
    _token: ($) =>
      choice(
        $.identifier, $.variable, $.integer, $.float, $.string, $.character, $.label,
        $.token_brackets, $.token_braces, $.token_parentheses, $._sign,
      ),
    _sign: () => token(prec(-1, /[-+*\/%^&|=<>!?.,;:#@$~]+/)),

    identifier: () => token(/(r#)?[A-Za-z_\u0080-\uFFFF][A-Za-z0-9_\u0080-\uFFFF]*/),
    // A variable of `macro_rules!`.
    variable: () => token(/\$[A-Za-z_][A-Za-z0-9_]*/),
    label: () => token(/'(r#)?[A-Za-z_][A-Za-z0-9_]*/),
    integer: () =>
      token(/(0x[0-9A-Fa-f_]+|0o[0-7_]+|0b[01_]+|[0-9][0-9_]*)([iu](8|16|32|64|128|size))?/),
    float: () =>
      token(
        choice(
          /[0-9][0-9_]*\.[0-9][0-9_]*([eE][+-]?[0-9_]+)?(f32|f64)?/,
          /[0-9][0-9_]*[eE][+-]?[0-9_]+(f32|f64)?/,
          /[0-9][0-9_]*(f32|f64)/,
        ),
      ),
    string: () =>
      token(choice(/[bc]?"([^"\\]|\\(.|\n))*"/, /[bc]?r"[^"]*"/, /[bc]?r#"([^"]|"[^#])*"#/)),
    character: () => token(/b?'([^'\\\n]|\\([^xu]|x[0-9A-Fa-f]{2}|u\{[0-9A-Fa-f_]+\}))'/),
  },
});
