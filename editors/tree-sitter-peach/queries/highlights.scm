[(line_comment) (block_comment)] @comment
(attribute) @attribute
[(string) (character)] @string
[(integer) (float) (broadcast)] @number
(boolean) @constant.builtin
[(label) (label_definition)] @label

(instruction mnemonic: (identifier) @function.builtin)
(prefix) @keyword.modifier
(size) @keyword.modifier
(decoration) @attribute

(function name: (name) @function)
(fallback name: (name) @function)
(stream name: (identifier) @function)
(helper_call name: (identifier) @function.call)
(call (identifier) @function.call)
(macro (identifier) @function.macro)
(constant name: (identifier) @constant)
(parameter (identifier) @variable.parameter)
(field "." (identifier) @property)

[(type) (generic_type) (reference_type) (pointer_type) (array_type)] @type

((identifier) @variable.builtin
  (#match? @variable.builtin "^([xyz]mm[0-9]+|t?mm[0-7]|k[0-7]|[re]?([abcd]x|[sd]i|[sb]p)|[abcd][hl]|([sd]i|[sb]p)l|r([89]|1[0-5])[bwd]?|[cdefgs]s)$"))

[
  "if" "else" "for" "in" "while" "loop" "return" "break" "continue" "issue" "interleave" "emit"
] @keyword.control
["fn" "let" "const" "stream" "inline" "local" "pub" "extern" "mut" "unsafe" "where" "as" "sym" "align"
  "invariant" "declassify"] @keyword

["(" ")" "[" "]" "{" "}"] @punctuation.bracket
["," ";" ":" "::" "."] @punctuation.delimiter
["+" "-" "*" "/" "%" "&" "|" "^" "!" "=" "==" "!=" "<" "<=" ">" ">=" "<<" ">>" "&&" "||" "->" ".."
  "..="] @operator
