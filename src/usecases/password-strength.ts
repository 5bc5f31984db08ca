// Whether a new password is good enough: long, and not guessable by dictionary, name or keyboard. No forced rotation, no
// rules about signs (CNIL délib. 2022-100, NIST SP 800-63B §5.1.1.2).
import { Worker } from 'node:worker_threads'
import { AppError } from '../domain/errors.ts'

export const SHORTEST = 10
const LONGEST = 256
/** zxcvbn's score from 0 to 4; 3 resists an offline attack on a slow hash. */
const ENOUGH = 3
/** Characters that must be left once everything that others know of the person is taken out: no name with a year. */
const OF_ITS_OWN = 6
/** zxcvbn takes the square of the length in time; what is strong so far is strong. */
const LOOKED_AT = 64

/** People who wait for an answer at most; each takes some 50 ms. */
const LONGEST_QUEUE = 50

type Answer = { id: number; score: number }
type Waiting = { answer(score: number): void; fail(error: unknown): void }

/**
 * zxcvbn beside the event loop: one look takes longer than everybody else may wait. Its dictionaries weigh some 20 MB and
 * are wanted rarely: the worker starts with the first password, and keeps no process alive.
 */
function start(): (password: string, about: readonly string[]) => Promise<number> {
  const worker = new Worker(new URL('./password-strength-worker.ts', import.meta.url))
  const waiting = new Map<number, Waiting>()
  let last = 0
  const failed = (cause: unknown): void => {
    score = undefined
    for (const { fail } of waiting.values()) fail(new AppError('busy', { detail: 'the password check died', cause }))
    waiting.clear()
  }
  worker.unref()
  worker.on('error', failed)
  worker.on('message', ({ id, score: found }: Answer) => {
    waiting.get(id)?.answer(found)
    waiting.delete(id)
    if (waiting.size === 0) worker.unref()
  })
  return (password, about) =>
    new Promise((answer, fail) => {
      if (waiting.size >= LONGEST_QUEUE)
        throw new AppError('busy', { detail: 'too many new passwords are being checked' })
      last++
      waiting.set(last, { answer, fail })
      worker.ref()
      worker.postMessage({ id: last, password, about })
    })
}

let score: ReturnType<typeof start> | undefined

const bare = (text: string): string => text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase()

/** How much of a password is not a word that others know of the person. */
function ofItsOwn(password: string, known: readonly string[]): number {
  const words = known.map(bare).toSorted((a, b) => b.length - a.length)
  return [...words.reduce((rest, word) => rest.replaceAll(word, ''), bare(password))].length
}

/** Throws `password_too_weak`. `about`: what others know of the person. */
export async function checkStrength(password: string, about: readonly string[]): Promise<void> {
  const tooWeak = new AppError('password_too_weak', { field: 'password', params: { shortest: SHORTEST } })
  const characters = [...password]
  const known = about.flatMap((text) => [text, ...text.split(/[^\p{L}\p{N}]+/u)]).filter((word) => word.length > 2)
  if (characters.length < SHORTEST || characters.length > LONGEST || ofItsOwn(password, known) < OF_ITS_OWN)
    throw tooWeak
  score ??= start()
  if ((await score(characters.slice(0, LOOKED_AT).join(''), known)) < ENOUGH) throw tooWeak
}
