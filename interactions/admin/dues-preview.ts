// What a statement would become, line by line, before anything is written; importing it reads and plans it again, so that
// it does not matter who else imported something meanwhile. A CSV file is first told which of its columns is what.
import type { Context } from 'koa'
import { AppError } from '../../src/domain/errors.ts'
import { formatIban, parseIban } from '../../src/domain/references.ts'
import {
  importStatement,
  isProblem,
  type PlannedLine,
  type Problem,
  type Remark,
  type StatementPlan,
} from '../../src/usecases/import-statement.ts'
import { savedStatementMap } from '../../src/usecases/statement-maps.ts'
import { type Html, html } from '../../src/web/html.ts'
import type { Page, Shown, View } from '../../src/web/page.ts'
import type { TextKey } from '../../src/web/texts.ts'
import type { Desk } from '../desk.ts'
import { heading, hidden, summary } from '../parts.ts'
import { mapForm, saveMap } from './dues-map.ts'
import { DUES, duesTrail, written } from './dues-parts.ts'
import { type Called, linesCalled } from './dues-resembling.ts'
import { STATEMENT } from './dues-statement.ts'
import { type Staff, staffPage } from './frame.ts'
import { acts, asked, badge, facts, offsetOf, pager, table } from './parts.ts'
import { peopleNamed, zoneOf } from './states.ts'

/** A year of most associations on one page. */
const LINES = 200

type Told = Remark['told']
type Kept = { digest: string; bytes: Uint8Array; name: string; map: string }

/** The file that an address speaks of; undefined when its day is over. */
async function fileOf(desk: Desk, ctx: Context): Promise<Kept | undefined> {
  const digest = ctx.params.digest ?? ''
  const bytes = await desk.uploads.read(digest)
  return bytes && { digest, bytes, name: asked(ctx, 'name') || digest.slice(0, 8), map: asked(ctx, 'map') }
}

function gone(view: View): Shown {
  const { t } = view.texts
  return {
    title: t('admin.dues.statement.title'),
    status: 404,
    body: html`${duesTrail(view, [STATEMENT, t('admin.dues.statement.title')])} ${heading(t('admin.dues.statement.gone'), t('admin.dues.statement.gone_text'))}
      ${acts([[STATEMENT, t('admin.dues.statement.again'), 'main']])}`,
  }
}

async function planOf(desk: Desk, { bytes, name, map }: Kept): Promise<StatementPlan> {
  const columns = map === '' ? undefined : await savedStatementMap(desk.core, map)
  return importStatement(desk.core).plan(bytes, { name, ...(columns && { map: columns }) })
}

/** The same, or why the file is refused whole. */
async function tried(desk: Desk, kept: Kept): Promise<StatementPlan | AppError> {
  return planOf(desk, kept).catch((error: unknown) => {
    if (error instanceof AppError && (error.code === 'invalid_value' || error.field === 'map')) return error
    throw error
  })
}

/** What the reader says, in the person's language: the compiler sees that each code has a sentence. */
const said = ({ texts: { t } }: View, code: Problem, told: Told): string => t(`statement.${code}`, told)

/** What is no fault of the file's, but of its being brought here. */
const elsewhere: Record<string, TextKey> = {
  account: 'admin.dues.refused.account',
  currency: 'admin.dues.refused.currency',
}

/** Why nothing was kept, where, and what to do. */
function refusal(view: View, { params }: AppError): Html {
  const { t } = view.texts
  const { line, why } = params
  const reason = isProblem(why) ? said(view, why, params) : t(elsewhere[String(why)] ?? 'admin.dues.refused.other')
  return html`<div class="notice" role="alert"><strong>${line ? t('admin.dues.refused.line', { line }) : t('admin.dues.refused.title')}</strong>
    <p>${reason}</p></div>`
}

const REMARKS = 20

/** What somebody should know of a file that is not refused. */
function remarked(view: View, remarks: readonly Remark[]): Html {
  if (remarks.length === 0) return html``
  const { t } = view.texts
  const items = remarks.slice(0, REMARKS).map(({ line, code, told }) => {
    const text = said(view, code, told)
    return html`<li>${line > 0 ? t('statement.at_line', { line, text }) : text}</li>`
  })
  return html`<h2>${t('admin.dues.statement.remarks')}</h2><ul class="plain">${items}</ul>`
}

async function refused(desk: Desk, view: View, kept: Kept, error: AppError): Promise<Shown> {
  const { t } = view.texts
  const missing = error.field === 'map' || error.params.why === 'unknown_format'
  return {
    title: kept.name,
    status: missing ? 200 : 422,
    body: html`${duesTrail(view, [STATEMENT, t('admin.dues.statement.title')])} ${heading(kept.name)}
      ${missing ? html`<p class="notice warn">${t('admin.dues.map.needed')}</p>` : refusal(view, error)}
      ${missing || kept.map ? await mapForm(desk, view, kept) : acts([[STATEMENT, t('admin.dues.statement.again'), 'main']])}`,
  }
}

type Sort = 'payment' | 'again' | 'perhaps' | 'inbox' | 'left' | 'duplicate'
const sortOf = ({ duplicate, resembles, line, match }: PlannedLine): Sort => {
  if (duplicate) return 'duplicate'
  if (resembles) return 'again'
  if (line.cents <= 0) return 'left'
  if (match.sure) return 'payment'
  return match.payerId ? 'perhaps' : 'inbox'
}
const tones = {
  payment: 'good',
  again: 'warn',
  perhaps: 'warn',
  inbox: 'warn',
  left: 'quiet',
  duplicate: 'quiet',
} as const
const outcomeKeys = {
  payment: 'admin.dues.outcome.payment',
  again: 'admin.dues.outcome.again',
  perhaps: 'admin.dues.outcome.perhaps',
  inbox: 'admin.dues.outcome.inbox',
  left: 'admin.dues.outcome.left',
  duplicate: 'admin.dues.outcome.duplicate',
} as const satisfies Record<Sort, TextKey>
const countKeys = {
  payment: 'admin.dues.counted.payment',
  again: 'admin.dues.counted.again',
  perhaps: 'admin.dues.counted.perhaps',
  inbox: 'admin.dues.counted.inbox',
  left: 'admin.dues.counted.left',
  duplicate: 'admin.dues.counted.duplicate',
} as const satisfies Record<Sort, TextKey>
const sorts = Object.keys(countKeys) as Sort[]

function counted({ texts: { t, money } }: View, lines: readonly PlannedLine[]): Html {
  const groups = Map.groupBy(lines, sortOf)
  return facts(
    sorts.map((sort) => {
      const group = groups.get(sort) ?? []
      const sum = group.reduce((total, { line }) => total + line.cents, 0)
      return [t(countKeys[sort]), group.length === 0 ? 0 : `${group.length} (${money(sum)})`]
    }),
  )
}

function balances({ texts: { t, money, day } }: View, { file }: StatementPlan): Html {
  return html`${file.statements.map(({ account, number, fromOn, toOn, openingCents, closingCents }) =>
    facts([
      [t('dues.account'), parseIban(account) ? formatIban(account) : account],
      [t('admin.dues.statement.number'), number],
      [
        t('admin.dues.statement.period'),
        fromOn && toOn && (fromOn === toOn ? day(fromOn) : t('dues.span', { start: day(fromOn), end: day(toOn) })),
      ],
      [
        t('admin.dues.statement.balances'),
        openingCents === null || closingCents === null
          ? t('admin.dues.statement.no_balances')
          : `${money(openingCents)} → ${money(closingCents)}`,
      ],
    ]),
  )}`
}

function linesTable(view: View, lines: readonly PlannedLine[], called: Called): Html {
  const { t, money, day } = view.texts
  const head = [
    t('admin.dues.line'),
    t('admin.dues.day'),
    t('dues.amount'),
    t('admin.dues.from'),
    t('admin.dues.communication'),
    t('admin.dues.becomes'),
  ]
  return table(
    t('admin.dues.statement.lines'),
    head,
    lines.map((planned) => {
      const { line, payerName, resembles } = planned
      const sort = sortOf(planned)
      const text = [line.reference && written(line.reference.value), line.text].filter(Boolean).join(' · ')
      return [
        line.line,
        day(line.valueOn),
        html`<span class="ms">${money(line.cents)}</span>`,
        line.counterName,
        text && html`<small>${text.slice(0, 200)}</small>`,
        badge(t(outcomeKeys[sort], { name: payerName ?? '', ...(resembles && called(resembles)) }), tones[sort]),
      ]
    }),
  )
}

async function before(desk: Desk, view: View, { importedBefore }: StatementPlan): Promise<Html> {
  if (!importedBefore) return html``
  const { importedBy, importedAt } = importedBefore
  const name = (await peopleNamed(desk, [importedBy]))(importedBy)
  const at = view.texts.moment(importedAt, await zoneOf(desk))
  return html`<p class="notice warn">${view.texts.t('admin.dues.statement.before', { name, at })}</p>`
}

async function planned(desk: Desk, view: View, ctx: Context, kept: Kept, plan: StatementPlan): Promise<Shown> {
  const { t } = view.texts
  const { lines, file } = plan
  const fresh = lines.filter(({ duplicate }) => !duplicate).length
  const offset = offsetOf(ctx, LINES)
  const shown = lines.slice(offset, offset + LINES)
  return {
    title: kept.name,
    body: html`${duesTrail(view, [STATEMENT, t('admin.dues.statement.title')])} ${heading(kept.name, t('admin.dues.preview.text'))}
      ${summary(view)} ${await before(desk, view, plan)} ${counted(view, lines)}
      ${remarked(view, file.remarks)}
      ${
        fresh > 0
          ? html`<form method="post" class="act">${hidden(view)}<button class="main" name="act" value="import">${t('admin.dues.preview.import', { count: fresh })}</button>
        <a class="button" href="${STATEMENT}">${t('cancel')}</a></form>`
          : html`<p class="none" role="status">${t('admin.dues.preview.nothing')}</p>${acts([[STATEMENT, t('admin.dues.statement.another')]])}`
      }
      <h2>${t('admin.dues.statement.of')}</h2>${balances(view, plan)}
      <h2>${t('admin.dues.statement.lines')}</h2>${linesTable(view, shown, await linesCalled(desk, view))} ${pager(view, ctx, shown.length, offset + LINES < lines.length, LINES)}`,
  }
}

async function imported(desk: Desk, view: View, staff: Staff, plan: StatementPlan): Promise<Shown> {
  const { t } = view.texts
  const report = await importStatement(desk.core).apply(plan, { actor: staff.accountId })
  return {
    title: t('admin.dues.imported.title'),
    body: html`${duesTrail(view, [STATEMENT, t('admin.dues.statement.title')])}
      <div role="status">${heading(t('admin.dues.imported.title'), t('admin.dues.imported.text', { name: plan.name }))}</div>
      ${facts([
        [t('admin.dues.imported.payments'), report.payments],
        [t('admin.dues.imported.inbox'), report.inbox],
        [t('admin.dues.imported.duplicates'), report.duplicates],
      ])}
      ${acts([
        report.inbox > 0 && [`${DUES}/inbox`, t('admin.dues.inbox.open'), 'main'],
        [`${DUES}/payments`, t('admin.dues.payments.title')],
        [STATEMENT, t('admin.dues.statement.another')],
      ])}`,
  }
}

export const preview = (desk: Desk): Page<Staff> =>
  staffPage(desk, {
    path: `${STATEMENT}/:digest`,
    async show(_staff, view, ctx) {
      const kept = await fileOf(desk, ctx)
      if (!kept) return gone(view)
      const plan = await tried(desk, kept)
      return plan instanceof AppError ? refused(desk, view, kept, plan) : planned(desk, view, ctx, kept, plan)
    },
    async submit(staff, form, view, ctx) {
      const kept = await fileOf(desk, ctx)
      if (!kept) return gone(view)
      if (form.get('act') === 'map') return saveMap(desk, staff, form, kept)
      const plan = await tried(desk, kept)
      return plan instanceof AppError ? refused(desk, view, kept, plan) : imported(desk, view, staff, plan)
    },
  })
