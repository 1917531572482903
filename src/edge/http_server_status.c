/* SPDX-License-Identifier: Apache-2.0
 * Which HTTP status an error has. */
#include "edge/http_server_call.h"

static const struct {
    enum err err;
    unsigned status;
    const char *title;
} http_server_statuses[] = {
    {ERR_OK, 200, "OK"},
    {ERR_NOT_LEADER, 307, "Temporary Redirect"},
    {ERR_NO_LEADER, 503, "Service Unavailable"},
    {ERR_INVALID, 400, "Bad Request"},
    {ERR_CONTENT, 400, "Bad Request"},
    {ERR_AUTH, 401, "Unauthorized"},
    {ERR_PERMISSION, 403, "Forbidden"},
    {ERR_NOT_FOUND, 404, "Not Found"},
    {ERR_UNSUPPORTED, 405, "Method Not Allowed"},
    {ERR_EXISTS, 409, "Conflict"},
    {ERR_CONFLICT, 409, "Conflict"},
    {ERR_FENCED, 409, "Conflict"},
    {ERR_STALE, 409, "Conflict"},
    {ERR_REFUSED, 409, "Conflict"},
    {ERR_ROLE, 409, "Conflict"},
    {ERR_LAG, 409, "Conflict"},
    {ERR_TOO_LARGE, 413, "Content Too Large"},
    {ERR_LIMIT, 422, "Unprocessable Content"},
    {ERR_QUEUE_FULL, 503, "Service Unavailable"},
    {ERR_UNAVAILABLE, 503, "Service Unavailable"},
    {ERR_CANCELLED, 503, "Service Unavailable"},
    {ERR_UNREACHABLE, 502, "Bad Gateway"},
    {ERR_TIMEOUT, 504, "Gateway Timeout"},
    {ERR_DISK_FULL, 507, "Insufficient Storage"},
    {ERR_INTERNAL, 500, "Internal Server Error"},
};

enum { HTTP_SERVER_STATUSES = sizeof http_server_statuses / sizeof http_server_statuses[0] };

static size_t http_server_status_row(enum err err)
{
    for (size_t i = 0; i < HTTP_SERVER_STATUSES; i++) {
        if (http_server_statuses[i].err == err) {
            return i;
        }
    }
    return HTTP_SERVER_STATUSES - 1;
}

unsigned http_server_status(enum err err)
{
    return http_server_statuses[http_server_status_row(err)].status;
}

const char *http_server_title(enum err err)
{
    return http_server_statuses[http_server_status_row(err)].title;
}
