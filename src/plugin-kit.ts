// What the kits of several plugins do alike.
import type { z } from 'zod'
import { AppError } from './domain/errors.ts'

/** What a schema makes of a value. Throws `invalid_value` that names the first key that is wrong, below `of`. */
export function parsed<T extends z.ZodType>(schema: T, value: unknown, of: string): z.infer<T> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const [issue] = result.error.issues
  const field = [of, ...(issue?.path ?? [])].join('.')
  throw new AppError('invalid_value', { field, detail: `${field}: ${issue?.message ?? 'unreadable'}` })
}
