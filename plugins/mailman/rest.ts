// Mailman core's REST API (docs.mailman3.org, « REST API »), as far as members of lists go.
import { AppError } from '../../src/domain/errors.ts'
import { errno } from '../../src/plugin-files.ts'
import type { MailmanConfig } from './config.ts'

const TIMEOUT_MS = 20_000

const unavailable = (detail: string, cause?: unknown): AppError =>
  new AppError('service_unavailable', { detail, cause })

type Answer = { status: number; words: string }
export type Rest = {
  /** Throws `service_unavailable` unless there is such a list, and we may work on it. */
  check(list: string, signal: AbortSignal): Promise<void>
  /** Puts somebody on a list, without any letter. Throws `invalid_value` for whom Mailman refuses. */
  subscribe(list: string, member: { email: string; name: string }, signal: AbortSignal): Promise<void>
  /** Takes addresses off a list, without any letter; those that are not on it, without complaint. */
  unsubscribe(list: string, emails: readonly string[], signal: AbortSignal): Promise<void>
}

/** `members@lists.asso.example` → `members.lists.asso.example`, as Mailman writes it where an address will not do. */
const listId = (list: string): string => list.replace('@', '.')

/** Safe for a log: one line, not endless. */
const said = (text: string): string => text.replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ').slice(0, 200)

const wordsOf = (body: string): string => {
  try {
    const { title, description } = JSON.parse(body) as { title?: string; description?: string }
    return said(description ?? title ?? '')
  } catch {
    return ''
  }
}

export function rest({ url, user, password }: Pick<MailmanConfig, 'url' | 'user' | 'password'>): Rest {
  const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`

  async function ask(method: string, path: string, form: [string, string][], signal: AbortSignal): Promise<Answer> {
    const timeout = AbortSignal.timeout(TIMEOUT_MS)
    try {
      const answer = await fetch(`${url.replace(/\/$/, '')}/${path}`, {
        method,
        headers: { authorization },
        redirect: 'error',
        signal: AbortSignal.any([signal, timeout]),
        ...(form.length > 0 && { body: new URLSearchParams(form) }),
      })
      return { status: answer.status, words: wordsOf(await answer.text()) }
    } catch (error) {
      signal.throwIfAborted()
      if (timeout.aborted) throw unavailable(`Mailman gave no answer in ${TIMEOUT_MS / 1000} s`, error)
      const cause = error instanceof Error ? error.cause : undefined
      throw unavailable(`Mailman does not answer at ${url} (${errno(cause) ?? error})`, error)
    }
  }

  const refused = (list: string, { status, words }: Answer): AppError => {
    if (status === 401) return unavailable(`Mailman at ${url} does not take this user and password`)
    if (status === 404 || words === 'No such list') return unavailable(`Mailman has no list ${list}`)
    return unavailable(`Mailman answered ${status} about ${list}: ${words}`)
  }

  return {
    async check(list, signal) {
      const answer = await ask('GET', `lists/${encodeURIComponent(list)}`, [], signal)
      if (answer.status !== 200) throw refused(list, answer)
    },
    async subscribe(list, { email, name }, signal) {
      const answer = await ask(
        'POST',
        'members',
        [
          ['list_id', listId(list)],
          ['subscriber', email],
          ['display_name', name],
          ['pre_verified', 'true'],
          ['pre_confirmed', 'true'],
          ['pre_approved', 'true'],
          ['send_welcome_message', 'false'],
        ],
        signal,
      )
      if (answer.status === 201 || answer.status === 409) return
      // Banned, or the list's own address: about this one only.
      if (answer.status === 400 && answer.words !== 'No such list')
        throw new AppError('invalid_value', {
          field: 'email',
          detail: `Mailman refuses somebody on ${list}: ${answer.words}`,
        })
      throw refused(list, answer)
    },
    async unsubscribe(list, emails, signal) {
      if (emails.length === 0) return
      const form = emails.map((email): [string, string] => ['emails', email])
      const answer = await ask('DELETE', `lists/${encodeURIComponent(list)}/roster/member`, form, signal)
      if (answer.status !== 200 && answer.status !== 204) throw refused(list, answer)
    },
  }
}
