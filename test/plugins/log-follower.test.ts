// A log that is rotated, emptied and left while it is read: each line is told, once.
import { appendFile, mkdtemp, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { followLog } from '../../src/plugin-log.ts'

describe('following a file', () => {
  let dir: string
  let log: string
  let got: string[]
  let recalled: string[]
  let errors: unknown[]
  let end: AbortController
  let running: Promise<void> | undefined
  let broken = false
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'log-'))
    log = join(dir, 'mail.log')
    got = []
    recalled = []
    errors = []
    broken = false
  })
  afterEach(async () => {
    await stop()
    await rm(dir, { recursive: true })
  })
  const start = () => {
    end = new AbortController()
    running = followLog({
      log,
      position: { folder: dir, name: 'position' },
      async take(lines) {
        if (broken) throw new Error('no database')
        got.push(...lines)
      },
      recall: (lines) => recalled.push(...lines),
      onError: (error) => errors.push(error),
      signal: end.signal,
      pollMs: 10,
      lingerMs: 100,
    })
  }
  const stop = async () => {
    end?.abort()
    await running
  }
  const expectGot = (lines: string[]) => expect.poll(() => got, { timeout: 5000 }).toEqual(lines)
  /** The follower has found the file and kept where it stands. */
  const started = () => expect.poll(() => readFile(join(dir, 'position'), 'utf8').catch(() => '')).not.toBe('')

  test('what was there before is not told; what comes is, line by line', async () => {
    await writeFile(log, 'old\nhalf')
    start()
    await started()
    await appendFile(log, ' now whole\nnext\nunfin')
    await expectGot(['half now whole', 'next'])
    await appendFile(log, 'ished\n')
    await expectGot(['half now whole', 'next', 'unfinished'])
  })

  test('a restart goes on where it was, and looks back for what it has to know', async () => {
    await writeFile(log, '')
    start()
    await started()
    await appendFile(log, 'a\nb\n')
    await expectGot(['a', 'b'])
    await stop()
    await appendFile(log, 'c\n')
    start()
    await expectGot(['a', 'b', 'c'])
    expect(recalled).toEqual(expect.arrayContaining(['a', 'b']))
    expect(recalled).not.toContain('c')
  })

  test('renamed, and written on for a moment under its old name: nothing is lost', async () => {
    await writeFile(log, '')
    start()
    await started()
    await appendFile(log, 'a\n')
    await rename(log, `${log}.1`)
    await writeFile(log, 'd\n')
    await appendFile(`${log}.1`, 'b\n')
    await expectGot(['a', 'b'])
    await appendFile(`${log}.1`, 'c\n')
    await expectGot(['a', 'b', 'c', 'd'])
    await appendFile(log, 'e\n')
    await expectGot(['a', 'b', 'c', 'd', 'e'])
  })

  test('renamed while nobody followed: the old one is read to its end first', async () => {
    await writeFile(log, '')
    start()
    await started()
    await appendFile(log, 'a\n')
    await expectGot(['a'])
    await stop()
    await appendFile(log, 'b\n')
    await rename(log, `${log}.1`)
    await writeFile(log, 'c\n')
    start()
    await expectGot(['a', 'b', 'c'])
  })

  test('emptied in place: it begins anew', async () => {
    await writeFile(log, '')
    start()
    await started()
    await appendFile(log, 'a long line\n')
    await expectGot(['a long line'])
    await truncate(log)
    await expect.poll(() => readFile(join(dir, 'position'), 'utf8')).toMatch(/ \d+\n/)
    await appendFile(log, 'b\n')
    await expectGot(['a long line', 'b'])
  })

  test('missing, then there; complained about once', async () => {
    start()
    await expect.poll(() => errors.length).toBe(1)
    await writeFile(log, 'before\n')
    await started()
    await appendFile(log, 'after\n')
    await expectGot(['after'])
    expect(errors).toHaveLength(1)
  })

  test('what could not be put on record is told again', async () => {
    await writeFile(log, '')
    start()
    await started()
    broken = true
    await appendFile(log, 'a\n')
    await expect.poll(() => errors.length).toBe(1)
    await appendFile(log, 'b\n')
    broken = false
    await expectGot(['a', 'b'])
  })

  test('a flood, and a line without an end', async () => {
    await writeFile(log, '')
    start()
    await started()
    const many = Array.from({ length: 20_000 }, (_, n) => `line ${n} ${'x'.repeat(60)}`)
    await appendFile(log, many.join('\n').concat('\n'))
    await expectGot(many)
    await appendFile(log, 'y'.repeat(600_000))
    await appendFile(log, '\nlast\n')
    await expect.poll(() => got.at(-1), { timeout: 5000 }).toBe('last')
  })
})
