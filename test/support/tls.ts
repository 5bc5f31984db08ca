// A throw-away certificate authority by openssl(1), for private servers.
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const openssl = async (...args: string[]) => promisify(execFile)('openssl', args)
const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']

export type Authority = {
  caFile: string
  /** A server certificate for `IP:127.0.0.1`, `DNS:localhost` and the like. */
  issue(names: readonly string[]): Promise<{ certFile: string; keyFile: string; caFile: string }>
}

/** Make an authority whose files live in `folder`. */
export async function makeAuthority(folder: string): Promise<Authority> {
  const at = (name: string) => join(folder, name)
  const name = `ca-${randomBytes(4).toString('hex')}`
  const [caFile, caKey] = [at(`${name}.pem`), at(`${name}.key`)]
  await openssl('req', '-x509', ...key, '-subj', `/CN=${name}`, '-keyout', caKey, '-out', caFile)
  const issue: Authority['issue'] = async (names) => {
    const server = `server-${randomBytes(4).toString('hex')}`
    const [certFile, keyFile, csr, extensions] = [
      at(`${server}.pem`),
      at(`${server}.key`),
      at(`${server}.csr`),
      at(`${server}.ext`),
    ]
    await openssl('req', '-new', ...key.slice(0, -2), '-subj', `/CN=${server}`, '-keyout', keyFile, '-out', csr)
    await writeFile(extensions, `subjectAltName=${names.join(',')}\nbasicConstraints=CA:FALSE\n`)
    await openssl(
      'x509',
      '-req',
      '-in',
      csr,
      '-CA',
      caFile,
      '-CAkey',
      caKey,
      '-days',
      '2',
      '-extfile',
      extensions,
      '-out',
      certFile,
    )
    return { certFile, keyFile, caFile }
  }
  return { caFile, issue }
}
