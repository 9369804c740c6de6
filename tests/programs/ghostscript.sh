#!/bin/bash
# ghostscript: a made document to pictures, to text, and by way of PDF; the bytes are compared.
# shellcheck source=tests/programs/lib.sh
. "$(dirname "$0")/lib.sh"
need gs ghostscript

interposed gs --version

document=$HERE/input/document.ps
mkdir -p "$WORK/plain" "$WORK/preloaded"

# pages DEVICE OUTPUT INPUT [OPTION...]: both ways, each page of the output compared.
pages() {
    local device=$1 output=$2 input=$3 file
    shift 3
    for folder in plain preloaded; do
        cd "$WORK/$folder"
        "$folder" "$device" gs -q -dNOPAUSE -dBATCH -sDEVICE="$device" -sOutputFile="$output" \
            "$@" "$input"
    done
    cd "$WORK/plain"
    for file in ${output//%d/*}; do
        same "$WORK/preloaded/$file" "$WORK/plain/$file"
    done
    cd "$WORK"
}

pages png16m colour%d.png "$document" -r100 -dTextAlphaBits=4 -dGraphicsAlphaBits=4
pages pnggray grey%d.png "$document" -r60 -dNumRenderingThreads=3 -dBandHeight=50 -dMaxBitmap=1000
pages jpeg photo%d.jpg "$document" -r72
pages faxg4 fax%d.g4 "$document" -r200
pages txtwrite words.txt "$document"

# The PDF holds the date, so what it shows is compared.
preloaded pdfwrite gs -q -dNOPAUSE -dBATCH -sDEVICE=pdfwrite -sOutputFile="$WORK/made.pdf" \
    "$document"
pages ppmraw made%d.ppm "$WORK/made.pdf" -r50
pages txtwrite made.txt "$WORK/made.pdf"
grep -q 'line 40 of page 6' "$WORK/preloaded/made.txt" || fail "the text of the PDF is not whole"
