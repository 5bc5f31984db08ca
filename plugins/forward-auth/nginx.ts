// The nginx files of the kit. What is not obvious says why, with the directive's place in nginx's documentation.
import type { Filling } from './index.ts'

const facts = ['user', 'id', 'name', 'email', 'groups', 'roles'] as const
const headers = facts.map((fact) => [fact, `Remote-${fact[0]!.toUpperCase()}${fact.slice(1)}`] as const)

/** A variable made of another one, which holds cookies, without one of them. */
const withoutCookie = (f: Filling, from: string, to: string, what: 'session' | 'browser'): string => {
  const name = `${f.cookiePrefix}${what}_${f.clientId}`.replaceAll('.', '\\.')
  return `map $${from} $${to} {
  default $${from};
  "~^(.*?)${name}=[^;]*(?:; ?)?(.*)$" "$1$2";
}`
}

export const nginxHttp = (
  f: Filling,
): string => `# Goes to /etc/nginx/conf.d/, which nginx.conf includes inside http { }.

# Where Schedar answers. Connections are kept open, for each request to the site asks once.
upstream ${f.variable} {
  server ${f.upstream.server};
  keepalive 16;
}

# The cookies of a request without Schedar's: the application has no use for them, and might write them into a log.
${withoutCookie(f, 'http_cookie', `${f.variable}_unmarked`, 'browser')}
${withoutCookie(f, `${f.variable}_unmarked`, `${f.variable}_cookie`, 'session')}

# The method that the visitor's request had: an error page always has GET.
map $request $${f.variable}_method {
  default "";
  "~^([A-Z]+) " $1;
}
`

export const nginxSite = (f: Filling): string => `# ${f.url} signs people in with Schedar (${f.issuer}).
# Goes inside the site's server { }, above its locations:   include ${f.nginxDir}/${f.name}.conf;
# A location that passes requests on needs one more line:   include ${f.nginxDir}/${f.name}.application.conf;
#   (with fastcgi_pass:                                     include ${f.nginxDir}/${f.name}.fastcgi.conf;)

# Nobody but this proxy says who somebody is, or which address was asked for (some frameworks believe X-Original-URL). A
# location that forgets the line above would let through what a visitor sends: it is refused here, for every location.
underscores_in_headers off;
set $schedar_forged "${[...headers.map(([fact]) => `$http_remote_${fact}`), '$http_x_original_url', '$http_x_rewrite_url'].join('')}";
if ($schedar_forged != "") {
  return 400;
}

# Every request is asked about (ngx_http_auth_request_module).
auth_request /schedar/check;
${facts.map((fact) => `auth_request_set $schedar_${fact} $upstream_http_remote_${fact};`).join('\n')}
error_page 401 403 = /schedar/refused;

location = /schedar/check {
  internal;
  auth_request off;
  include ${f.nginxDir}/${f.name}.proxy.conf;
  proxy_pass ${f.upstream.protocol}://${f.variable}/forward-auth/${f.clientId}/check;
}

# Sends to the sign-in, or says why not.
location = /schedar/refused {
  internal;
  auth_request off;
  include ${f.nginxDir}/${f.name}.proxy.conf;
  proxy_pass ${f.upstream.protocol}://${f.variable}/forward-auth/${f.clientId}/refused;
}

# Where a sign-in ends, and where one signs out: ${f.url}/schedar/sign-out
location ^~ /schedar/ {
  auth_request off;
  include ${f.nginxDir}/${f.name}.proxy.conf;
  proxy_pass ${f.upstream.protocol}://${f.variable}/forward-auth/${f.clientId}/;
}
`

const verified = (f: Filling): string =>
  f.upstream.protocol === 'http'
    ? ''
    : `
# The secret goes to Schedar and to nobody who pretends to be it.
proxy_ssl_server_name on;
proxy_ssl_name ${f.host.replace(/:\d+$/, '')};
proxy_ssl_verify on;
proxy_ssl_verify_depth 4;
proxy_ssl_trusted_certificate /etc/ssl/certs/ca-certificates.crt;
`

export const nginxProxy = (
  f: Filling,
): string => `# How this proxy asks Schedar. It holds a secret: readable by root alone.
proxy_http_version 1.1;
proxy_pass_request_body off;
# Nothing that a visitor says of the way here is passed on, only what follows.
proxy_pass_request_headers off;
proxy_set_header Host "${f.host}";
proxy_set_header Connection "";
proxy_set_header Content-Length "";
proxy_set_header Cookie $http_cookie;
proxy_set_header Accept $http_accept;
proxy_set_header Accept-Language $http_accept_language;
proxy_set_header Sec-Fetch-Mode $http_sec_fetch_mode;
# The address as it was sent: $uri is what nginx made of it. Behind another proxy that speaks https with visitors, write
# https instead of $scheme.
proxy_set_header X-Original-URL $scheme://$http_host$request_uri;
proxy_set_header X-Original-Method $${f.variable}_method;
proxy_set_header Schedar-Proxy-Secret "${f.secret}";
proxy_set_header Schedar-Paths "${f.paths}";
proxy_buffer_size 8k;
proxy_connect_timeout 5s;
proxy_read_timeout 10s;
${verified(f)}`

export const nginxApplication = (
  f: Filling,
): string => `# Who it is, for the application. Goes into each location with a proxy_pass.
${headers.map(([fact, header]) => `proxy_set_header ${header} $schedar_${fact};`).join('\n')}
proxy_set_header Cookie $${f.variable}_cookie;
`

export const nginxFastcgi = (
  f: Filling,
): string => `# Who it is, for PHP and others. Goes into each location with a fastcgi_pass, below its other fastcgi_params.
fastcgi_param REMOTE_USER $schedar_user;
${headers.map(([fact, header]) => `fastcgi_param HTTP_${header.toUpperCase().replace('-', '_')} $schedar_${fact};`).join('\n')}
fastcgi_param HTTP_COOKIE $${f.variable}_cookie;
`
