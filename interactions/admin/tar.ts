// A tar archive (POSIX ustar) of a few small files: what a kit is handed over in.
import { AppError } from '../../src/domain/errors.ts'
import type { KitFile } from '../../src/plugin.ts'

const BLOCK = 512

/** A number in a field of the header: octal digits and a NUL. */
const octal = (value: number, width: number): string => `${value.toString(8).padStart(width - 1, '0')}\0`

/** A path of more than 100 octets is split at a slash; the front part has a field of its own. */
function namesOf(path: string): { name: string; prefix: string } {
  if (Buffer.byteLength(path) <= 100) return { name: path, prefix: '' }
  for (let at = path.indexOf('/'); at > 0; at = path.indexOf('/', at + 1)) {
    const [prefix, name] = [path.slice(0, at), path.slice(at + 1)]
    if (Buffer.byteLength(prefix) <= 155 && Buffer.byteLength(name) <= 100) return { name, prefix }
  }
  throw new AppError('unexpected', { detail: `a path is too long for a tar archive: ${path}` })
}

function headerOf(path: string, size: number, mode: number, seconds: number): Buffer {
  const { name, prefix } = namesOf(path)
  const header = Buffer.alloc(BLOCK)
  const put = (text: string, at: number) => header.write(text, at)
  put(name, 0)
  put(octal(mode, 8), 100)
  put(octal(0, 8), 108)
  put(octal(0, 8), 116)
  put(octal(size, 12), 124)
  put(octal(seconds, 12), 136)
  // The checksum is taken with its own field as spaces.
  put(' '.repeat(8), 148)
  put('0', 156)
  put('ustar\x0000', 257)
  put(prefix, 345)
  const sum = header.reduce((total, octet) => total + octet, 0)
  put(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return header
}

const isWithin = (path: string): boolean =>
  !path.startsWith('/') && path.split('/').every((part) => part !== '' && part !== '.' && part !== '..')

/** The archive; secret files are 0600. `at`: the files' time. */
export function tarOf(files: readonly KitFile[], at: number): Buffer {
  const parts = files.flatMap(({ path, content, secret }) => {
    if (!isWithin(path)) throw new AppError('unexpected', { detail: `the kit would write outside its folder: ${path}` })
    const bytes = Buffer.from(content)
    const header = headerOf(path, bytes.length, secret ? 0o600 : 0o644, Math.floor(at / 1000))
    return [header, bytes, Buffer.alloc((BLOCK - (bytes.length % BLOCK)) % BLOCK)]
  })
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)])
}
