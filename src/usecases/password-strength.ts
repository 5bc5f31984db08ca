// Whether a new password is good enough: long, and not guessable by dictionary, name or keyboard. No forced rotation, no
// rules about signs (CNIL délib. 2022-100, NIST SP 800-63B §5.1.1.2).
import { AppError } from '../domain/errors.ts'

export const SHORTEST = 10
const LONGEST = 256
/** zxcvbn's score from 0 to 4; 3 resists an offline attack on a slow hash. */
const ENOUGH = 3

type Check = (password: string, about: string[]) => number
let check: Promise<Check> | undefined

/** The dictionaries weigh some 20 MB and are wanted rarely: they are loaded on first use. */
async function load(): Promise<Check> {
  const [{ ZxcvbnFactory }, common, fr] = await Promise.all([
    import('@zxcvbn-ts/core'),
    import('@zxcvbn-ts/language-common'),
    import('@zxcvbn-ts/language-fr'),
  ])
  const zxcvbn = new ZxcvbnFactory({
    dictionary: { ...common.dictionary, ...fr.dictionary },
    graphs: common.adjacencyGraphs,
  })
  return (password, about) => zxcvbn.check(password, about).score
}

/** Throws `password_too_weak`. `about`: what others know of the person. */
export async function checkStrength(password: string, about: readonly string[]): Promise<void> {
  const length = [...password].length
  if (length > LONGEST) throw new AppError('password_too_weak', { field: 'password', params: { shortest: SHORTEST } })
  check ??= load()
  const known = about.flatMap((text) => [text, ...text.split(/[^\p{L}\p{N}]+/u)]).filter((word) => word.length > 2)
  if (length < SHORTEST || (await check)(password, known) < ENOUGH)
    throw new AppError('password_too_weak', { field: 'password', params: { shortest: SHORTEST } })
}
