// A private nginx and a private Caddy in front of a small application, protected by the forward-auth kit's own files. Each
// listens on a loopback address of its own, for cookies know no ports. They are ended by their own process ids.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import { join } from 'node:path'
import type { KitFile } from '../../src/plugin.ts'
import { servedFolder, writeKit } from './apache.ts'
import { freePort, reachable } from './ports.ts'

/** What the application was asked. */
export type Seen = { method: string; url: string; headers: IncomingHttpHeaders; body: string }

export type Application = { port: number; host: string; seen: Seen[]; stop(): Promise<void> }

/** Says what it was asked, as JSON, and remembers it. */
export async function startApplication(host = '127.0.0.5'): Promise<Application> {
  const seen: Seen[] = []
  const server: Server = createServer((request, response) => {
    let body = ''
    request.on('data', (part) => {
      body += part
    })
    request.on('end', () => {
      const one = { method: request.method!, url: request.url!, headers: request.headers, body }
      seen.push(one)
      response.writeHead(request.url?.startsWith('/forbidden') ? 403 : 200, { 'content-type': 'application/json' })
      response.end(JSON.stringify(one))
    })
  }).listen(0, host)
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  return {
    port,
    host,
    seen,
    async stop() {
      server.close()
      server.closeAllConnections()
    },
  }
}

export type WebProxy = { url: string; stop(): Promise<void> }
/** Given the site's address and the folder that the kit's files will be in. */
export type KitAt = (at: { url: string; dir: string }) => Promise<readonly KitFile[]>
type Options = {
  host: string
  application: Application
  kit: KitAt
  /** More lines inside nginx's server { }. */
  extra?: string
}

async function ended(process: ChildProcess, folder: string): Promise<void> {
  if (process.exitCode === null) {
    process.kill('SIGTERM')
    await once(process, 'exit')
  }
  await rm(folder, { recursive: true, force: true })
}

async function prepared(prefix: string, { host, kit }: Options) {
  const folder = await servedFolder(prefix)
  const port = await freePort(host)
  const url = `http://${host}:${port}`
  const dir = join(folder, 'schedar')
  const files = await kit({ url, dir })
  const of = (kind: 'nginx' | 'caddy') =>
    files
      .filter(({ path }) => path.startsWith(`${kind}/`))
      .map((file) => ({ ...file, path: file.path.slice(kind.length + 1) }))
  return { folder, port, url, dir, of }
}

const named = (files: readonly KitFile[], end: RegExp): string => files.find(({ path }) => end.test(path))!.path

/** nginx with the kit in its server { }; `/static/` is served from files, `/bare/` has a header of its own and no line of the kit. */
export async function startNginx(options: Options): Promise<WebProxy> {
  const { folder, port, url, dir, of } = await prepared('schedar-nginx-', options)
  const { host, application, extra = '' } = options
  const files = of('nginx')
  await writeKit(files, dir)
  await mkdir(join(folder, 'static'))
  await writeFile(join(folder, 'static', 'page.txt'), 'a file\n')
  const site = named(files, /^schedar-[^.]+\.conf$/)
  const to = `http://${application.host}:${application.port}`
  const configuration = `
${process.getuid?.() === 0 ? 'user www-data;' : ''}
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log info;
events { worker_connections 256; }
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  include ${dir}/${named(files, /\.http\.conf$/)};
  server {
    listen ${host}:${port};
    server_name ${host};
    include ${dir}/${site};
    location / {
      proxy_pass ${to};
      include ${dir}/${named(files, /\.application\.conf$/)};
    }
    location /bare/ {
      proxy_set_header X-Own "1";
      proxy_pass ${to};
    }
    location /static/ {
      root ${folder};
    }
    location /static/hidden/ {
      deny all;
    }
    ${extra}
  }
}
`
  const file = join(folder, 'nginx.conf')
  await writeFile(file, configuration)
  const nginx = spawn('/usr/sbin/nginx', ['-c', file, '-e', join(folder, 'error.log')], { stdio: 'ignore' })
  await reachable(port, host)
  return { url, stop: () => ended(nginx, folder) }
}

/** Caddy with the kit in a route of its site. */
export async function startCaddy(options: Options): Promise<WebProxy> {
  const { folder, port, url, dir, of } = await prepared('schedar-caddy-', options)
  const { application } = options
  const files = of('caddy')
  await writeKit(files, dir)
  const configuration = `{
	admin off
	auto_https off
	storage file_system ${folder}/data
}
${url} {
	bind ${options.host}
	route {
		import ${dir}/${named(files, /^schedar-[^.]+\.caddy$/)}
		reverse_proxy ${application.host}:${application.port}
	}
}
`
  const file = join(folder, 'Caddyfile')
  await writeFile(file, configuration)
  await chmod(file, 0o600)
  const caddy = spawn('/usr/bin/caddy', ['run', '--config', file, '--adapter', 'caddyfile'], {
    stdio: ['ignore', 'ignore', process.env.CADDY_LOG ? 'inherit' : 'ignore'],
    env: { ...process.env, HOME: folder, XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder },
  })
  await reachable(port, options.host)
  return { url, stop: () => ended(caddy, folder) }
}
