// What every kit must be: the files that a plugin hands out for the service's side, filled in, with secrets only where
// they are guarded.
import { randomBytes } from 'node:crypto'
import { isAbsolute, normalize } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import type { KitFile, KitTarget, Plugin } from '../../src/plugin.ts'

/** The part of a plugin that this looks at. */
export type KitMaker = Pick<Plugin, 'client' | 'kit'> & { secrets?: readonly string[] }

export type KitExpectation = {
  /** The site or service that it is made for, without a trailing slash. Default `https://site.asso.example`. */
  url?: string
  options?: Record<string, string>
  /** The plugin's own configuration with the secrets that it needs. */
  config?: Record<string, unknown>
  /** Further secrets, beside the client's and those of `config`. */
  secrets?: readonly string[]
}

/** What a template leaves behind when something was not filled in. */
const PLACEHOLDER =
  /\bundefined\b|\bNaN\b|\[object |\{\{|\}\}|\bCHANGE[_ -]?ME\b|\bTODO\b|\bFIXME\b|\bXXX+\b|<your[ _-]/i

const textOf = ({ content }: KitFile): string =>
  typeof content === 'string' ? content : Buffer.from(content).toString('latin1')

/** A secret as it may stand in a file: as it is, in a URL, in base64, in hex. */
const forms = (secret: string): string[] => [
  secret,
  encodeURIComponent(secret),
  Buffer.from(secret).toString('base64').replace(/=+$/, ''),
  Buffer.from(secret).toString('hex'),
]

/** A target as the core fills it in, with secrets made here. */
export function kitTarget(plugin: KitMaker, wanted: KitExpectation = {}): KitTarget {
  const url = wanted.url ?? 'https://site.asso.example'
  const template = plugin.client?.(url)
  return {
    issuer: 'https://id.asso.example',
    associationName: "L'Asso « d'ici » & <Co>",
    url,
    client: {
      clientId: 'kit-client',
      clientSecret: randomBytes(32).toString('base64url'),
      redirectUris: template?.redirectUris ?? [],
      postLogoutRedirectUris: template?.postLogoutRedirectUris ?? [],
      ...(template?.backchannelLogoutUri && { backchannelLogoutUri: template.backchannelLogoutUri }),
    },
    options: wanted.options ?? {},
    ...(wanted.config && { config: wanted.config }),
    random: (bytes) => randomBytes(bytes).toString('base64url'),
  }
}

/** For any plugin with a kit: with a service of its own (`config`) or without. */
export function kitContract(name: string, plugin: KitMaker, wanted: KitExpectation = {}): void {
  describe(`kit contract: ${name}`, () => {
    let target: KitTarget
    let files: KitFile[]
    let secrets: string[]
    beforeAll(async () => {
      target = kitTarget(plugin, wanted)
      files = (await plugin.kit?.(target)) ?? []
      const ofConfig = (plugin.secrets ?? [])
        .map((key) => wanted.config?.[key])
        .filter((value) => typeof value === 'string')
      secrets = [target.client.clientSecret, ...ofConfig, ...(wanted.secrets ?? [])]
    })

    test('there are files, each once, each with something in it', () => {
      expect(files.length).toBeGreaterThan(0)
      expect(new Set(files.map(({ path }) => normalize(path))).size).toBe(files.length)
      for (const { path, content } of files) expect(content.length, path).toBeGreaterThan(0)
    })

    test('paths stay inside the folder that they are written to', () => {
      for (const { path } of files) {
        expect(isAbsolute(path), path).toBe(false)
        expect(path).toBe(normalize(path))
        expect(path).toMatch(/^[A-Za-z0-9][A-Za-z0-9._/-]*$/)
        expect(path.split('/')).not.toContain('..')
      }
    })

    test('nothing is left to be filled in', () => {
      for (const file of files) expect(textOf(file).match(PLACEHOLDER)?.[0], file.path).toBeUndefined()
    })

    test('secrets stand in secret files only', () => {
      for (const file of files.filter(({ secret }) => !secret))
        for (const secret of secrets)
          for (const form of forms(secret)) expect(textOf(file).includes(form), `a secret in ${file.path}`).toBe(false)
    })

    test('the issuer and the client are named', () => {
      const all = files.map(textOf).join('\n')
      expect(all).toContain(new URL(target.issuer).host)
      expect(all).toContain(target.client.clientId)
    })

    test('the client that it asks for is of that address', () => {
      const template = plugin.client?.(target.url)
      if (!template) return expect(plugin.client).toBeUndefined()
      const uris = [
        ...template.redirectUris,
        ...template.postLogoutRedirectUris,
        template.backchannelLogoutUri ?? target.url,
      ]
      for (const uri of uris) expect(new URL(uri).origin).toBe(new URL(target.url).origin)
    })
  })
}
