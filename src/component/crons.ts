import { cronJobs } from "convex/server";
import { api } from "./_generated/api.js";

const crons = cronJobs();

crons.interval("compact cold documents", { hours: 24 }, api.sweep.start);
crons.interval("bring statistics up to date", { minutes: 5 }, api.statistics.fold);

export default crons;
