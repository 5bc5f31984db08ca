// A machine with sites on it that are nobody's yet: HTTPS on an address of loopback, certificates of an authority that this
// process trusts, and a DNS server that leads there.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { type Dns, startDns } from './dns.ts'
import { freePort } from './ports.ts'
import { makeAuthority } from './tls.ts'

type Answer = (request: IncomingMessage, response: ServerResponse) => void
export type SiteHost = {
  dns: Dns
  port: number
  /** `sites` of schedar.yaml, by which the host is reached. */
  config: { resolver: string; reach: string[]; httpsPort: number; timeoutSeconds: number }
  sites: Map<string, Answer>
  /** `velo.example /.well-known/…`, in order. */
  asked: string[]
  /** A site that shows this text at every address, and whose name leads here. */
  show(name: string, text: string): void
  stop(): Promise<void>
}

export const SITE_HOST = '127.0.0.21'

/** `names`: what its certificate is for. */
export async function startSiteHost(names: readonly string[]): Promise<SiteHost> {
  const folder = mkdtempSync(join(tmpdir(), 'schedar-sites-'))
  const authority = await makeAuthority(folder)
  setDefaultCACertificates([...getCACertificates('default'), readFileSync(authority.caFile, 'utf8')])
  const { certFile, keyFile } = await authority.issue(names.map((name) => `DNS:${name}`))
  const [dns, port] = [await startDns(), await freePort(SITE_HOST)]
  const sites = new Map<string, Answer>()
  const asked: string[] = []
  const server = createServer({ cert: readFileSync(certFile), key: readFileSync(keyFile) }, (request, response) => {
    const name = String(request.headers.host)
    asked.push(`${name} ${request.url}`)
    const site = sites.get(name)
    if (site) site(request, response)
    else response.writeHead(404).end()
  })
  server.on('tlsClientError', () => {})
  await new Promise<void>((resolve) => server.listen(port, SITE_HOST, resolve))
  return {
    dns,
    port,
    config: { resolver: dns.address, reach: [SITE_HOST], httpsPort: port, timeoutSeconds: 3 },
    sites,
    asked,
    show(name, text) {
      dns.zones.set(name, { A: [SITE_HOST] })
      sites.set(name, (_request, response) => response.end(text))
    },
    async stop() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await dns.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
