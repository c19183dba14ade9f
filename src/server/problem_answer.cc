#include "server/problem_answer.h"

#include "api/problem.h"
#include "model/json.h"

#include <boost/json.hpp>

namespace cooper::server {

bool is_api(const Request& request) {
  return !request.target.path.empty() && request.target.path.front() == "v1";
}

void as_problem(const Request& request, Answer& answer) {
  if (!answer.refusal || !is_api(request)) return;
  const Refusal& refusal = *answer.refusal;
  const std::string_view kind =
      refusal.code ? api::kind_of(*refusal.code) : api::kind_of_status(answer.status);
  answer.type = api::kProblemMediaType;
  answer.body = pretty(api::to_object(api::Problem{.status = answer.status,
                                                   .kind = std::string(kind),
                                                   .detail = refusal.message,
                                                   .hint = refusal.hint}));
}

}  // namespace cooper::server
