#include "lib/formula.h"

#include <ctype.h>
#include <math.h>
#include <muParserDLL.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 30

static double degrees(double x)
{
    return x * (180 / M_PI);
}
static double radians(double x)
{
    return x * (M_PI / 180);
}

static const struct {
    const char *name;
    double (*one)(double);
    double (*two)(double, double);
} functions[] = {
    { "abs", fabs, NULL },    { "sqrt", sqrt, NULL },   { "cbrt", cbrt, NULL },   { "exp", exp, NULL },
    { "ln", log, NULL },      { "log10", log10, NULL }, { "log2", log2, NULL },   { "sin", sin, NULL },
    { "cos", cos, NULL },     { "tan", tan, NULL },     { "asin", asin, NULL },   { "acos", acos, NULL },
    { "atan", atan, NULL },   { "sinh", sinh, NULL },   { "cosh", cosh, NULL },   { "tanh", tanh, NULL },
    { "floor", floor, NULL }, { "ceil", ceil, NULL },   { "round", round, NULL }, { "deg", degrees, NULL },
    { "rad", radians, NULL }, { "atan2", NULL, atan2 }, { "pow", NULL, pow },     { "mod", NULL, fmod },
    { "min", NULL, fmin },    { "max", NULL, fmax },
};
#define FUNCTIONS (sizeof functions / sizeof *functions)

static bool is_letter(char c)
{
    return isalpha((unsigned char)c) && (unsigned char)c < 0x80;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_function(const char *name)
{
    for (size_t i = 0; i < FUNCTIONS; i++)
        if (strcmp(functions[i].name, name) == 0)
            return true;
    return false;
}

static size_t word_length(const char *p)
{
    size_t n = 0;

    while (is_letter(p[n]) || (n && (is_digit(p[n]) || p[n] == '_')))
        n++;
    return n;
}

bool ea_formula_name_ok(const char *name)
{
    size_t n = word_length(name);

    return n > 0 && n <= EA_FORMULA_NAME_MAX && name[n] == '\0' && !is_function(name) &&
           strcmp(name, "pi") != 0;
}

/* ---- the gate ---- */

struct gate {
    const struct ea_formula_variable *variables;
    size_t n;
    struct ea_arena *a;
    const char *why;
};

static bool known(const struct gate *g, const char *name)
{
    for (size_t i = 0; i < g->n; i++)
        if (strcmp(g->variables[i].name, name) == 0)
            return true;
    return is_function(name) || strcmp(name, "pi") == 0;
}

/* Behind a word; NULL: one that is not known. */
static const char *pass_word(struct gate *g, const char *p)
{
    size_t n = word_length(p);
    const char *word = ea_arena_ndup(g->a, p, n);

    if (word && known(g, word))
        return p + n;
    g->why = word ? ea_arena_printf(g->a, "there is no variable and no function \"%.*s\"",
                                    (int)(n < 40 ? n : 40), word)
                  : NULL;
    return NULL;
}

/* 12, 1.5, .5, 2e-3 */
static const char *pass_number(const char *p)
{
    while (is_digit(*p) || *p == '.')
        p++;
    if ((*p == 'e' || *p == 'E') && (is_digit(p[1]) || ((p[1] == '+' || p[1] == '-') && is_digit(p[2]))))
        for (p += 2; is_digit(*p);)
            p++;
    return p;
}

static bool passes(struct gate *g, const char *p)
{
    int depth = 0;

    g->why = "the expression is too long";
    if (strlen(p) > EA_FORMULA_MAX)
        return false;
    while (p && *p) {
        if (is_letter(*p)) {
            p = pass_word(g, p);
        } else if (is_digit(*p) || *p == '.') {
            p = pass_number(p);
        } else if (strchr("+-*/^(), ", *p)) {
            depth += (*p == '(') - (*p == ')');
            g->why = depth < 0 ? "a bracket is closed that was not opened" : "brackets are nested too deeply";
            if (depth < 0 || depth > DEPTH_MAX)
                return false;
            p++;
        } else {
            g->why = "an expression has numbers, variables, functions, + - * / ^ and brackets only";
            return false;
        }
    }
    g->why = p ? "a bracket is not closed" : g->why;
    return p && depth == 0;
}

/* ---- muparser ---- */

static void define(muParserHandle_t parser, const struct gate *g)
{
    char text[EA_EXACT_SIZE];

    mupClearFun(parser);
    mupClearConst(parser);
    for (size_t i = 0; i < FUNCTIONS; i++)
        if (functions[i].one)
            mupDefineFun1(parser, functions[i].name, functions[i].one, 0);
        else
            mupDefineFun2(parser, functions[i].name, functions[i].two, 0);
    mupDefineConst(parser, "pi", M_PI);
    for (size_t i = 0; i < g->n; i++)
        mupDefineConst(parser, g->variables[i].name,
                       strtod(ea_exact_text(&g->variables[i].value, text), NULL));
}

static enum ea_err evaluate(const char *expression, struct gate *g, double *out)
{
    muParserHandle_t parser = mupCreate(muBASETYPE_FLOAT);
    int n = 0;

    if (!parser)
        return EA_ENOMEM;
    define(parser, g);
    mupSetExpr(parser, expression);
    const double *values = mupEvalMulti(parser, &n);
    bool failed = mupError(parser);
    if (failed)
        g->why = ea_arena_printf(g->a, "%.200s", mupGetErrorMsg(parser));
    else if (!values || n != 1)
        g->why = "one expression is expected";
    else
        *out = values[0];
    failed |= !values || n != 1;
    mupRelease(parser);
    if (failed)
        return EA_EINPUT;
    g->why = "the expression has no finite value";
    return isfinite(*out) ? EA_OK : EA_EINPUT;
}

enum ea_err ea_formula_value(const char *expression, const struct ea_formula_variable *variables, size_t n,
                             struct ea_arena *a, struct ea_exact *out, const char **why)
{
    struct gate g = { .variables = variables, .n = n, .a = a };
    enum ea_err err = EA_EINPUT;
    char text[40];
    double value;

    if (passes(&g, expression))
        err = evaluate(expression, &g, &value);
    if (!err) {
        int length = snprintf(text, sizeof text, "%.*e", EA_FORMULA_DIGITS - 1, value);
        err = ea_exact_read(text, (size_t)length, out);
        g.why = "the value is too large or too small";
    }
    *why = err ? g.why : NULL;
    return err == EA_EINPUT && !g.why ? EA_ENOMEM : err;
}
