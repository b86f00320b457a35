#!/bin/sh
# Makes docs/show.png, the picture in README.md: what `peach show --html` draws of examples/sum.rs.
# Needs Chromium and pngquant. Run from the root of the repository.
set -eu
page=$(mktemp --suffix=.html)
picture=$(mktemp --suffix=.png)
trap 'rm -f "$page" "$picture"' EXIT
cargo run --quiet -p peach-cli -- show examples/sum.rs --html > "$page"
chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --window-size=1100,700 \
    --force-device-scale-factor=1.5 --screenshot="$picture" "file://$page" 2> /dev/null
pngquant --force --strip --output docs/show.png 32 "$picture"
