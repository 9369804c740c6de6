/* expects: -Wformat= */
#include <cairn/str.h>

int work(void);

int work(void) {
    struct cairn_str text = {0};
    cairn_str_printf(&text, "%s", 17);
    cairn_str_destroy(&text);
    return 0;
}
