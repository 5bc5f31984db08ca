import { describe, expect, test } from 'vitest'
import { digest } from '../../src/domain/digest.ts'
import { AppError, errorCodes } from '../../src/domain/errors.ts'

describe('an error', () => {
  test.each(errorCodes)('%s has a status of HTTP and its code as its message', (code) => {
    const error = new AppError(code)
    expect(error.code).toBe(code)
    expect(error.status).toBeGreaterThanOrEqual(400)
    expect(error.status).toBeLessThan(600)
    expect(error.message).toBe(code)
    expect(error.params).toEqual({})
    expect(code).toMatch(/^[a-z][a-z_]*$/)
  })
  test('keeps what it is told', () => {
    const cause = new Error('below')
    const error = new AppError('too_many_tries', {
      field: 'password',
      detail: 'for the log',
      params: { minutes: 3 },
      cause,
    })
    expect(error).toMatchObject({
      field: 'password',
      detail: 'for the log',
      params: { minutes: 3 },
      cause,
      name: 'AppError',
    })
    expect(error.message).toBe('for the log')
    expect(error).toBeInstanceOf(Error)
  })
  test('codes are told once each', () => {
    expect(new Set(errorCodes).size).toBe(errorCodes.length)
  })
})

test('a digest has 43 characters that fit a column and a URL, and every bit of the text counts', () => {
  expect(digest('')).toBe('47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU')
  expect(digest('schedar')).toMatch(/^[\w-]{43}$/)
  expect(digest('a')).not.toBe(digest('A'))
  expect(digest('é')).not.toBe(digest('e\u0301'))
})
