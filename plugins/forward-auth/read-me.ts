// The page that goes with the kit: the steps of docs/services/forward-auth.md with the names filled in.
import type { Filling } from './index.ts'

export const readMe = (f: Filling): string => `Sign-in to ${f.url} with ${f.associationName}
(client ${f.clientId} at ${f.issuer})

nginx. As root, on the machine that serves the site, in the folder nginx/:

1. install -d -m 0755 ${f.nginxDir}
   install -m 0644 ${f.name}.conf ${f.name}.application.conf ${f.name}.fastcgi.conf ${f.nginxDir}/
   install -m 0600 ${f.name}.proxy.conf ${f.nginxDir}/
   install -m 0644 ${f.name}.http.conf /etc/nginx/conf.d/

2. Inside the site's server { }, above its locations:

     include ${f.nginxDir}/${f.name}.conf;

   and in each location that passes requests on to an application:

     include ${f.nginxDir}/${f.name}.application.conf;    (proxy_pass)
     include ${f.nginxDir}/${f.name}.fastcgi.conf;        (fastcgi_pass)

3. nginx -t && systemctl reload nginx

Caddy. As root, on the machine that serves the site, in the folder caddy/:

1. install -d -m 0755 ${f.caddyDir}
   install -m 0644 ${f.name}.caddy ${f.caddyDir}/
   install -o root -g caddy -m 0640 ${f.name}.secret.caddy ${f.caddyDir}/

2. In the Caddyfile, everything that the site does goes into one route block:

     ${f.url} {
       route {
         import ${f.caddyDir}/${f.name}.caddy
         reverse_proxy 127.0.0.1:8080
       }
     }

3. caddy validate --config /etc/caddy/Caddyfile && systemctl reload caddy

Then open ${f.url}/ : you are sent to ${f.issuer} and come back signed in.
`
