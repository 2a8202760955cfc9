// Scores a lead and a batch, and says what became of one; the compiler checks it against the document.
import createClient from "openapi-fetch";
import type { components, paths } from "./leadloop.d.ts";

declare const process: { env: Record<string, string>; exit(code: number): never };

const { LEADLOOP_URL: baseUrl, LEADLOOP_KEY: key } = process.env;
const client = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${key}` } });

function must<T>(answer: { data?: T; error?: unknown }): T {
  if (answer.data === undefined) throw new Error(JSON.stringify(answer.error));
  return answer.data;
}

const lead: components["schemas"]["LeadRecord"] = {
  lead_id: "L-1",
  email_opens: 8,
  lead_source: "Referral",
  actual_outcome: null,
};
const score = must(await client.POST("/score", { body: lead }));
const batch = must(await client.POST("/score/batch", {
  params: { header: { "Idempotency-Key": "once" } },
  body: { leads: [lead, { lead_id: "", actual_outcome: true }] },
}));
const feedback = must(await client.PUT("/feedback/{lead_id}", {
  params: { path: { lead_id: "L-1" } },
  body: { outcome: "won", reason: "Signed" },
}));
const outcomes = must(await client.POST("/feedback/batch", {
  body: { outcomes: [{ lead_id: "L-1", outcome: false }] },
}));

console.log(JSON.stringify({
  probability: score.conversion_score,
  results: batch.results.map((result) => ("error" in result ? result.error.status : result.grade)),
  outcome: "outcome" in feedback && feedback.outcome,
  said: outcomes.results.map((result) => "outcome" in result && result.outcome),
}));
