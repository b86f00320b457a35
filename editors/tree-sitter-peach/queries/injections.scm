((rust (token_braces) @injection.content)
  (#set! injection.language "rust")
  (#set! injection.include-children))

((fallback (token_braces) @injection.content)
  (#set! injection.language "rust")
  (#set! injection.include-children))
