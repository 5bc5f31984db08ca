// The Caddy files of the kit.
import type { Filling } from './index.ts'

export const caddySite = (f: Filling): string => `# ${f.url} signs people in with Schedar (${f.issuer}).
# In the Caddyfile, everything that the site does goes into one route block, below this line:
#   route {
#     import ${f.caddyDir}/${f.name}.caddy
#     ...
#   }
# In a route, directives work in the order in which they are written; Caddy's own order would put a handle { } first, and
# nobody would be asked there.

# Nobody but this proxy says who somebody is; to an application, Remote_User may be the same header as Remote-User.
request_header -Remote*
# Some frameworks take the address from these, and what is judged is another one.
request_header -X-Original*
request_header -X-Rewrite*

# Where a sign-in ends, and where one signs out: ${f.url}/schedar/sign-out
@${f.variable} path_regexp ${f.variable} ^/schedar/(sign-in|callback|sign-out|signed-out)$
handle @${f.variable} {
	rewrite * /forward-auth/${f.clientId}/{re.${f.variable}.1}?{query}
	reverse_proxy ${f.upstream.protocol}://${f.upstream.server} {
		import ${f.caddyDir}/${f.name}.secret.caddy
	}
}

# Every other request is asked about.
forward_auth ${f.upstream.protocol}://${f.upstream.server} {
	uri /forward-auth/${f.clientId}/forward
	copy_headers Remote-User Remote-Id Remote-Name Remote-Email Remote-Groups Remote-Roles
	import ${f.caddyDir}/${f.name}.secret.caddy
}

# The application has no use for Schedar's cookies, and might write them into a log. ($3 is nothing: to Caddy, an empty
# replacement is none at all.)
request_header Cookie "${f.cookiePrefix}(session|browser)_${f.clientId.replaceAll('.', '[.]')}=[^;]*(; ?)?()" "$3"
`

export const caddySecret = (
  f: Filling,
): string => `# How this proxy asks Schedar. It holds a secret: readable by root and Caddy alone.
header_up Host "${f.host}"
header_up -X-Forwarded-Host
# The address as it was sent, before any rewrite.
header_up X-Original-URL "{http.request.scheme}://{http.request.hostport}{http.request.orig_uri}"
header_up X-Original-Method "{http.request.orig_method}"
header_up Schedar-Proxy-Secret "${f.secret}"
header_up Schedar-Paths "${f.paths}"
# By itself Caddy waits for an answer for ever, and with it each visitor.
transport http {
	dial_timeout 5s
	response_header_timeout 10s
}
`
