/* A stored file as the reply: who may read it has been decided, its bytes are sent by nginx (X-Accel-Redirect to the internal location /_blob/), which answers Range and If-None-Match as
 * well. Always a download, never shown in the site's own origin. */
#ifndef EA_DOWNLOAD_H
#define EA_DOWNLOAD_H

#include "fcgi/core/req.h"

enum ea_err ea_download(struct ea_req *r, const char *name, const char *media_type,
                        const char *blob) EA_MUST; /* blob: its key */

#endif
