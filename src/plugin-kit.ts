// What the kits of several plugins do alike.
import { readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import type { z } from 'zod'
import { AppError } from './domain/errors.ts'
import type { KitFile, KitTarget } from './plugin.ts'

/** A PHP string that is nothing but a string, whatever it holds: single quotes know two escapes. */
export const phpString = (text: string): string => `'${text.replace(/[\\']/g, '\\$&')}'`

/** Throws `invalid_value` for another word. */
export function yesNo(field: string, answer = 'no'): boolean {
  if (answer !== 'yes' && answer !== 'no')
    throw new AppError('invalid_value', { field, detail: `${field} is yes or no` })
  return answer === 'yes'
}

type SocketUnit = { name: string; description: string; path: string; user: string }

/** systemd.socket(5): a helper is started for each call, and nobody calls it but the user that Schedar runs as. */
export const socketUnit = ({ name, description, path, user }: SocketUnit): string => `\
# /etc/systemd/system/${name}.socket
[Unit]
Description=${description}

[Socket]
ListenStream=${path}
SocketUser=${user}
SocketMode=0600
Accept=yes
MaxConnections=16

[Install]
WantedBy=sockets.target
`

/** What a schema makes of a value. Throws `invalid_value` that names the first key that is wrong, below `of` if given. */
export function parsed<T extends z.ZodType>(schema: T, value: unknown, of?: string): z.infer<T> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const [issue] = result.error.issues
  const unknown = issue?.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : []
  const field = [...(of === undefined ? [] : [of]), ...(issue?.path ?? []), ...unknown].join('.')
  throw new AppError('invalid_value', { field, detail: `${field}: ${issue?.message ?? 'unreadable'}` })
}

/** Throws `invalid_value` when the client was registered for another address than the kit is made for. */
export function mustComeBackTo({ client, url }: Pick<KitTarget, 'client' | 'url'>, path: string): void {
  if (!client.redirectUris.includes(`${url}${path}`))
    throw new AppError('invalid_value', {
      field: 'redirect_uris',
      detail: `the client has no redirect URI ${url}${path}`,
    })
}

/** Every file under a folder, to be put under `into` of the kit. */
export async function filesUnder(folder: string, into: string): Promise<KitFile[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  return Promise.all(
    paths.toSorted().map(async (path) => ({
      path: `${into}/${relative(folder, path)}`,
      content: await readFile(path, 'utf8'),
    })),
  )
}
