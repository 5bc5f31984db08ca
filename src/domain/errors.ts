// One table of everything that can be refused: code → HTTP status, and whether the person is shown its text.
// Tests, texts, logs and the audit key on the code; a bug is any error that is not an AppError.

const table = {
  bad_request: { status: 400, expose: true },
  body_too_large: { status: 413, expose: true },
  busy: { status: 503, expose: true },
  client_unknown: { status: 404, expose: true },
  conflict: { status: 409, expose: true },
  csrf: { status: 403, expose: true },
  database_unavailable: { status: 503, expose: true },
  directory_unavailable: { status: 503, expose: true },
  exempt_already: { status: 409, expose: true },
  exempt_needless: { status: 409, expose: true },
  forbidden: { status: 403, expose: true },
  host_refused: { status: 421, expose: true },
  import_unreadable: { status: 422, expose: true },
  interaction_expired: { status: 400, expose: true },
  invalid_value: { status: 422, expose: true },
  limit_reached: { status: 409, expose: true },
  link_expired: { status: 410, expose: true },
  method_not_allowed: { status: 405, expose: true },
  not_found: { status: 404, expose: true },
  password_expired: { status: 403, expose: true },
  password_refused: { status: 422, expose: true },
  password_too_weak: { status: 422, expose: true },
  passwords_differ: { status: 422, expose: true },
  removals_held: { status: 409, expose: true },
  required: { status: 422, expose: true },
  service_unavailable: { status: 503, expose: true },
  sign_in_failed: { status: 401, expose: true },
  site_address_refused: { status: 422, expose: true },
  site_connected: { status: 409, expose: true },
  site_reserved: { status: 422, expose: true },
  site_taken: { status: 409, expose: true },
  storage_full: { status: 507, expose: true },
  tariff_not_running: { status: 409, expose: true },
  term_later: { status: 409, expose: true },
  term_open: { status: 409, expose: true },
  term_paid: { status: 409, expose: true },
  too_many_tries: { status: 429, expose: true },
  second_factor_wrong: { status: 422, expose: true },
  unexpected: { status: 500, expose: true },
  username_taken: { status: 409, expose: true },
  username_refused: { status: 422, expose: true },
  email_refused: { status: 422, expose: true },
  writes_held: { status: 409, expose: true },
} as const satisfies Record<string, { status: number; expose: boolean }>

export type ErrorCode = keyof typeof table
export const errorCodes = Object.keys(table) as ErrorCode[]

type Options = {
  /** The form field or configuration key that is wrong. */
  field?: string
  /** For the log and the command line, in English. Never shown on a page. */
  detail?: string
  /** Values for the translated text, such as `minutes` or `contact`; a civil date under a name that ends in `On`. */
  params?: Record<string, string | number>
  cause?: unknown
}

/** A refusal with a code from the table above. `message` is the detail or the code, in English, without secrets. */
export class AppError extends Error {
  readonly code: ErrorCode
  readonly status: number
  readonly expose: boolean
  readonly field: string | undefined
  readonly detail: string | undefined
  readonly params: Record<string, string | number>

  constructor(code: ErrorCode, { field, detail, params = {}, cause }: Options = {}) {
    super(detail ?? code, { cause })
    this.name = 'AppError'
    this.code = code
    this.status = table[code].status
    this.expose = table[code].expose
    this.field = field
    this.detail = detail
    this.params = params
  }
}
