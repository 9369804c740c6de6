/* What the tests of mapped memory share. */
#ifndef CAIRN_TESTS_SUPPORT_MAP_H
#define CAIRN_TESTS_SUPPORT_MAP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <cairn/map.h>

#define assert_fine(error)                                                  \
    do {                                                                    \
        struct cairn_map_error error_ = (error);                            \
        if (cairn_map_failed(error_)) {                                     \
            char text_[100];                                                \
            fail_msg("%s", cairn_map_explain(error_, text_, sizeof text_)); \
        }                                                                   \
    } while (0)

#define assert_error(error, call_, code_)          \
    do {                                           \
        struct cairn_map_error error_ = (error);   \
        assert_true(cairn_map_failed(error_));     \
        assert_string_equal(error_.call, (call_)); \
        assert_int_equal(error_.code, (code_));    \
    } while (0)

#endif
