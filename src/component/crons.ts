import { cronJobs } from "convex/server";
import { api, internal } from "./_generated/api.js";
import { TICK_HOURS } from "./maintenance.js";

const crons = cronJobs();

crons.interval("bring statistics up to date", { minutes: 5 }, api.statistics.fold);
// The times of a cron are fixed when a component is deployed: this one looks whether anything is due.
crons.interval("maintenance", { hours: TICK_HOURS }, internal.maintenance.tick);

export default crons;
