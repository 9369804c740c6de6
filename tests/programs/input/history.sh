#!/bin/bash
# Work for git in the current folder, from the history that the argument holds; prints what git says
# and every object and reference.
set -euo pipefail

# state REPOSITORY: every object with its type and size, every reference.
state() {
    git -C "$1" cat-file --batch-all-objects --batch-check
    git -C "$1" for-each-ref --format='%(objectname) %(refname)'
}

git init -q -b main repository
cd repository
git fast-import --quiet --done <"$1"
git reset -q --hard
git -c pack.threads=2 gc -q --prune=now
git fsck --full --strict --no-dangling
git log --graph --all --stat -n 600
git log -p -M -w --reverse main -n 800
git log -S 'says 1000' --oneline main
git blame folder1/deep1/file1.txt
git grep -n -E 'says (1|2)00[0-9]$' v2000 -- '*.txt'
git diff --patience v400 v3600
git diff --word-diff --stat v400 v2800
cd ..

git clone -q --no-local repository clone
git -C clone checkout -q -b topic v2000
for i in 1 2 3 4 5 6 7 8; do
    echo "topic $i" >>clone/folder2/deep2/file2.txt
    seq $((i * 5000)) >"clone/new$i.txt"
    git -C clone add -A
    git -C clone commit -q -m "topic $i"
done
git -C clone rebase -q main -X theirs
# Some files are changed here and deleted there; they stay.
git -C clone merge -q --no-edit origin/side -X ours || git -C clone add -A
git -C clone commit -q -m merged
git -C clone stash list
git -C clone -c pack.threads=2 repack -q -a -d -f --depth=20 --window=20
git -C clone commit-graph write --reachable
git -C clone fsck --full --strict --no-dangling
git -C clone bundle create -q ../bundle --all
git clone -q --bare bundle bare
git --git-dir bare verify-pack -v bare/objects/pack/*.idx | grep -c '^[0-9a-f]\{40\}'
git -C clone archive --format=tar.gz -o ../archive.tar.gz HEAD
gzip -dc archive.tar.gz | sha256sum
state repository
state clone
state bare
git -C clone status --porcelain
