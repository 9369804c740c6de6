# Prints a history of 4000 commits to 400 files on two branches, for git fast-import.
function data(text) { printf "data %d\n%s\n", length(text), text }
function content(file, change,    text, k) {
    text = "file " file "\n"
    for (k = 0; k < 30 + file % 60; k++)
        text = text "line " k " of file " file " says " (k * file + (k % 7 == change % 7 ? change : 0)) "\n"
    return text
}
BEGIN {
    for (i = 1; i <= 4000; i++) {
        branch = i % 5 == 0 && i > 10 ? "side" : "main"
        printf "commit refs/heads/%s\nmark :%d\n", branch, i
        printf "committer c <c@localhost> %d +0000\n", 1600000000 + i * 60
        data("change " i "\n\nbecause of reason " i * 7919 % 101)
        if (branch == "side" && !forked++) print "from :" i - 1
        if (branch == "main" && i % 200 == 1 && i > 20) print "merge :" last_side
        if (branch == "side") last_side = i
        for (k = 0; k < 3; k++) {
            file = (i * 31 + k * 17) % 400
            printf "M 100644 inline folder%d/deep%d/file%d.txt\n", file % 9, file % 4, file
            data(content(file, i))
        }
        if (i % 90 == 0) printf "D folder%d/deep%d/file%d.txt\n", i % 400 % 9, i % 400 % 4, i % 400
        print ""
        if (i % 400 == 0) {
            printf "tag v%d\nfrom :%d\ntagger c <c@localhost> %d +0000\n", i, i, 1600000000 + i * 60
            data("version " i)
        }
    }
    print "done"
}
