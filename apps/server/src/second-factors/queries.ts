import type { Queryable } from '../access/rows.ts'

export const findSecondFactorForUpdate = (db: Queryable, userId: number) =>
  db.selectFrom('second_factors').selectAll().where('user_id', '=', userId).forUpdate().executeTakeFirst()

export async function hasSecondFactor(db: Queryable, userId: number): Promise<boolean> {
  const found = await db
    .selectFrom('second_factors')
    .select('user_id')
    .where('user_id', '=', userId)
    .where('confirmed_at', 'is not', null)
    .executeTakeFirst()
  return found !== undefined
}

export const findRecoveryCode = (db: Queryable, userId: number, codeHash: Buffer) =>
  db.selectFrom('recovery_codes').select('code_hash').where('user_id', '=', userId).where('code_hash', '=', codeHash).executeTakeFirst()
