// Who asks: a program by its Authorization header, or a person by the cookie of a session. Internal
// to src/api. Cookies are sent by browsers on their own, so what comes with one is checked for
// where it comes from, and what goes back can do nothing in a browser but be read by the web face.
#pragma once

#include "api/context.h"

namespace amic::api {

struct Credentials {
  std::string authorization;
  std::string cookie;
};
Credentials credentials_of(net::Request const& request);

struct Caller {
  identity::Principal who;
  Hash token_sha256;
  bool by_session = false;
};
// kUnauthorized. kForbidden for a session's request that another site's page may have made.
Result<Caller> authenticate(Services& services, net::Request const& request);
// For event streams, now and then. A watch floor's open stream keeps its session in use, for a
// FLASH must show on it all night; not that of an administrator.
Result<identity::Principal> still_valid(Services& services, Credentials const& credentials);

// False if the browser says, or its Origin shows, that another origin's page sent this.
bool from_own_page(net::Request const& request);
// The value of the session's cookie, empty if there is none.
std::string_view session_secret(Services const& services, std::string_view cookie_header);
// "set-cookie" for a secret; an empty one takes the cookie away.
std::string session_cookie(Services const& services, net::Request const& request,
                           std::string_view secret);
// Answers to a session: never shown as a page, run or given to another origin.
net::Responder confined(net::Responder respond);

}  // namespace amic::api
