/* What every unit test includes: cmocka wants its own headers first. */
#ifndef EA_TEST_UNIT_H
#define EA_TEST_UNIT_H

/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */

#define assert_ok(call)          assert_string_equal(ea_err_slug(call), "ok")
#define assert_err(call, expect) assert_string_equal(ea_err_slug(call), ea_err_slug(expect))

#endif
