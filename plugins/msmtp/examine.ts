// What schedar doctor looks at on the machine of the sites. A site's file has mode 0600, so a site that sends runs as the
// file's owner: that is read from the disk, and no list of users can be out of date. Sites of one owner can send as each other.
import { readFile, stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import { isSameHost } from '../../src/domain/names.ts'
import { errno } from '../../src/plugin-files.ts'
import { fileOf, type MsmtpConfig, SHARED_USER } from './config.ts'

type Found = { site: string; file: string; uid?: number; mode?: number; error?: string }

async function found(config: Pick<MsmtpConfig, 'folder'>, site: string): Promise<Found> {
  const file = fileOf(config, site)
  return stat(file).then(
    ({ uid, mode }) => ({ site, file, uid, mode }),
    (error: unknown) => ({ site, file, error: errno(error) ?? String(error) }),
  )
}

/** Names of users by number, as passwd(5) has them. */
async function userNames(passwd: string): Promise<Map<number, string>> {
  const text = await readFile(passwd, 'utf8').catch(() => '')
  return new Map(
    text
      .split('\n')
      .map((line) => line.split(':'))
      .flatMap(([name = '', , uid = '']) => (/^\d+$/.test(uid) ? [[Number(uid), name] as const] : [])),
  )
}

const alone = ({ site, file, mode, error }: Found): string[] => {
  if (error === 'ENOENT') return [`${site} has a login to send with, and no ${file}: its forms do not use it here`]
  if (error !== undefined) return [`${file} cannot be looked at: ${error}`]
  return (mode! & 0o077) === 0 ? [] : [`others can read the login of ${site}: chmod 0600 ${file}`]
}

/** `sites`: those with a login to send with. A sentence for each thing that is amiss. */
export async function examine(
  config: Pick<MsmtpConfig, 'folder' | 'host'>,
  sites: readonly string[],
  passwd = '/etc/passwd',
): Promise<string[]> {
  if (config.host !== undefined && !isSameHost(config.host, hostname())) return []
  const files = await Promise.all(sites.map((site) => found(config, site)))
  const names = await userNames(passwd)
  const together = [...Map.groupBy(files, ({ uid }) => uid)].flatMap(([uid, of]) => {
    if (uid === undefined) return []
    const user = names.get(uid) ?? `user ${uid}`
    const who = of.map(({ site }) => site).join(', ')
    if (user === SHARED_USER)
      return [`${who}: unprotected, running as ${user}: any site that runs as it can send with the login`]
    return of.length > 1
      ? [`${who}: unprotected from each other, all running as ${user}: each can send as the others`]
      : []
  })
  return [...files.flatMap(alone), ...together]
}
