/* UTF-8, as Unicode's table 3-7 allows it: no overlong forms, no surrogates, nothing above U+10FFFF. Pure functions.
 * ea_utf8_valid, of whole texts, is declared in json.h. */
#ifndef EA_UTF8_H
#define EA_UTF8_H

#include <stddef.h>
#include <stdint.h>

size_t ea_utf8_step(const char *p, size_t n); /* bytes of the first character of p[0..n); 0: not UTF-8 */
size_t ea_utf8_put(uint32_t code_point, char out[4]); /* its bytes; code_point is a valid one */

#endif
