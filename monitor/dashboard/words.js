// What things are called on the page.

import { h, icon } from "./dom.js";
import { ago, moment, wholeMoment } from "./format.js";

/** The contact's columns in a salesperson's words, as monitor/policy.py has them; the others are words already. */
const COLUMNS = {
  llm_quality: "profile quality",
  llm_seniority: "seniority",
  llm_engagement: "expected engagement",
  llm_decision_maker: "decision power",
  llm_industry: "detailed industry",
  llm_geography: "geography",
  llm_business_type: "kind of role",
  llm_company_fit: "company fit",
  companyindustry: "company industry",
  companysize: "company size",
  companytype: "company type",
  companylocation: "company location",
  companyfoundedon: "founding year",
  jobtitle: "job title",
  summary: "summary length",
  skills: "skills length",
};

/** @param {string} name */
export const column = (name) => COLUMNS[name] ?? name.replaceAll("_", " ");

/** "industry, company size and 2 more". @param {string[]} names @param {number} [most] */
export function columns(names, most = 3) {
  const said = names.map(column);
  if (said.length > most) return `${said.slice(0, most).join(", ")} and ${said.length - most} more`;
  return said.length < 2 ? said.join("") : `${said.slice(0, -1).join(", ")} and ${said.at(-1)}`;
}

export const KINDS = {
  data_drift: "Data drift",
  data_quality: "Data quality",
  prediction_drift: "Prediction drift",
  concept_drift: "Concept drift",
  performance: "Model due",
  business: "Engagement",
};

/** From the mildest to the gravest. */
export const LEVELS = ["monitor", "investigate", "alert", "retrain"];

/** A word with a shape and a colour of its own: no level is told by colour alone. @param {string} level @param {string} [word] */
export const badge = (level, word = level) => h("span", { class: `badge ${level}` }, icon(level), word);

/** A time as people write it. @param {string} when RFC 3339 */
export const at = (when) => h("time", { datetime: when, title: wholeMoment(when) }, moment(when));

/** How long ago it was; main.js keeps it up to date. @param {string} when RFC 3339 */
export const since = (when) => h("time", { datetime: when, title: wholeMoment(when), "data-ago": true }, ago(when));

/** What to say, and do, where there is nothing yet. @param {string} what @param {string} [command] */
export const empty = (what, command) =>
  h("div", { class: "empty" }, h("p", {}, what), command ? h("p", {}, "Fill it: ", h("code", {}, command)) : null);

export const REPLAY = "driftline replay scenario:sector_shift --onset 1000 --rate 100";
