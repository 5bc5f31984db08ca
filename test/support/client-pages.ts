// The admin's pages for clients, with the session that the admin's browser has: a client is registered, and its kit downloaded
// and unpacked.
import { execFile } from 'node:child_process'
import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { APIResponse, Page } from 'playwright-core'
import type { KitFile } from '../../src/plugin.ts'
import { filesUnder, type Program } from './program.ts'

type NewClient = { kind: string; name: string; url: string; site?: string }

export function clientPages({ issuer, folder }: Program, admin: Page) {
  const { request } = admin.context()

  /** Opens a page and sends its form. */
  async function submit(path: string, fields: Record<string, string>): Promise<APIResponse> {
    const page = await (await request.get(issuer + path)).text()
    const [, csrf = ''] = /name="csrf" value="([^"]+)"/.exec(page) ?? []
    const answer = await request.post(issuer + path, { form: { csrf, ...fields } })
    if (!answer.ok()) throw new Error(`${path} answered ${answer.status()}`)
    return answer
  }

  return {
    /** Registers it: its client_id. */
    async add({ kind, name, url, site = '' }: NewClient): Promise<string> {
      const page = await (await submit('/admin/clients/new', { kind, name, url, site })).text()
      const clientId = /<code>([\w.-]+)<\/code>/.exec(page)?.[1]
      if (!clientId) throw new Error(`${name} was not registered: ${page.replace(/<[^>]+>/g, ' ')}`)
      return clientId
    },
    async kit(clientId: string, settings: Record<string, string>): Promise<KitFile[]> {
      const options = Object.entries(settings).map(([key, value]) => `${key}=${value}`)
      const archive = await submit(`/admin/clients/${clientId}/kit`, { options: options.join('\r\n') })
      const target = await mkdtemp(join(folder, 'kit-'))
      const unpacking = promisify(execFile)('tar', ['-x', '-p', '-C', target])
      unpacking.child.stdin?.end(await archive.body())
      await unpacking
      return filesUnder(target)
    },
  }
}
