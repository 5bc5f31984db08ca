// Finding plugins: a folder under plugins/ each. Their part of schedar.yaml is checked by their own schema.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { problems } from './config.ts'
import { AppError } from './domain/errors.ts'
import type { Plugin } from './plugin.ts'
import { type Environment, resolveSecret } from './secrets.ts'

const folder = fileURLToPath(new URL('../plugins/', import.meta.url))

/** The plugins there are, by the names of their folders. */
export const pluginNames = (): string[] =>
  readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(folder, entry.name, 'index.ts')))
    .map((entry) => entry.name)
    .toSorted()

/** Throws `not_found` for a name without a folder. */
export async function loadPlugin(name: string): Promise<Plugin> {
  if (!pluginNames().includes(name))
    throw new AppError('not_found', {
      field: 'plugin',
      detail: `there is no plugin ${name}; there are: ${pluginNames().join(', ')}`,
    })
  return (await import(`../plugins/${name}/index.ts`)).default
}

const at = (value: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>((inner, key) => (inner as Record<string, unknown> | undefined)?.[key], value)

/** A service's configuration, checked and with its secrets in place of their references. */
export function pluginConfig(
  service: string,
  plugin: Plugin,
  given: Record<string, unknown>,
  env: Environment,
  folderOfConfig: string,
): unknown {
  const { plugin: _name, ...rest } = given
  if (!plugin.config) return {}
  const parsed = plugin.config.safeParse(rest)
  if (!parsed.success)
    throw new AppError('invalid_value', {
      detail: problems(parsed.error, `services.${service}`)
        .map((line) => `schedar.yaml: ${line}`)
        .join('\n'),
    })
  const config = structuredClone(parsed.data) as Record<string, unknown>
  for (const secret of plugin.secrets ?? []) {
    const path = String(secret).split('.')
    const holder = at(config, path.slice(0, -1)) as Record<string, unknown> | undefined
    const reference = at(config, path)
    if (holder && typeof reference === 'string')
      holder[path.at(-1)!] = resolveSecret(reference, `services.${service}.${secret}`, env, folderOfConfig)
  }
  return config
}
