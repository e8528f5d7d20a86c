#include "lib/err.h"

#include <stddef.h>

static const struct {
    int status;
    const char *slug;
    const char *title;
} errors[EA_ERR__MAX] = {
#define X(name, status, slug, title) [name] = { status, slug, title },
    EA_ERR_LIST(X)
#undef X
};

static size_t index_of(enum ea_err err)
{
    return (unsigned)err < EA_ERR__MAX ? (size_t)err : (size_t)EA_EINTERNAL;
}

int ea_err_status(enum ea_err err)
{
    return errors[index_of(err)].status;
}

const char *ea_err_slug(enum ea_err err)
{
    return errors[index_of(err)].slug;
}

const char *ea_err_title(enum ea_err err)
{
    return errors[index_of(err)].title;
}
