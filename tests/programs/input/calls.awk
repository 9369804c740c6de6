# Prints a program in C with many functions, types, tables and constants.
BEGIN {
    srand(1)
    print "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include <math.h>"
    for (i = 0; i < 250; i++) {
        printf "struct item%d { int key; double weight; char name[%d]; struct item%d *next; };\n", i, 8 + i % 40, i
        printf "static const int table%d[] = {", i
        for (k = 0; k < 64; k++) printf "%d,", int(rand() * 100000)
        print "};"
        printf "static int pick%d(int n) {\n    switch (n %% 40) {\n", i
        for (k = 0; k < 40; k++)
            printf "    case %d: return (n * %d + %d) ^ table%d[%d];\n", k, int(rand() * 999), k, i, k
        print "    }\n    return 0;\n}"
        printf "static double work%d(int n, const char *text) {\n    struct item%d *list = 0, *next;\n    double sum = 0;\n", i, i
        printf "    for (int k = 0; k < n; k++) {\n        next = malloc(sizeof *next);\n        memset(next, 0, sizeof *next);\n"
        printf "        next->key = pick%d(k + %d);\n        next->weight = sqrt(fabs((double) next->key)) * %.6f;\n", i, i, rand()
        printf "        strncpy(next->name, text, sizeof next->name - 1);\n        next->next = list;\n        list = next;\n    }\n"
        printf "    for (; list; list = next) {\n        next = list->next;\n        sum += list->weight + (double) strlen(list->name);\n        free(list);\n    }\n"
        printf "    return %s sum;\n}\n", i ? "work" i - 1 "(n / 2, text) +" : ""
    }
    print "int main(void) {\n    printf(\"%.6f\\n\", work249(4000, \"a name that is long enough\"));\n    return 0;\n}"
}
