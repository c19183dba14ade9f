#pragma once
// Errors of /v1 are problem details (RFC 9457), wherever they come from.

#include "server/request.h"

namespace cooper::server {

/// Is it a request of /v1? Also true of a path that leads nowhere.
bool is_api(const Request& request);

/// Makes problem details of an error's answer to a request of /v1. To be called once for each
/// answer, when it is sent.
void as_problem(const Request& request, Answer& answer);

}  // namespace cooper::server
