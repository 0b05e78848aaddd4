import { useCallback, useState } from "react";
import { BoardMenu } from "./BoardMenu.js";
import { Board } from "./board/Board.js";
import { EmptyBoard } from "./board/EmptyBoard.js";
import { useTotals } from "./board/queries.js";
import { focusTask } from "./board/steps.js";
import { NO_FILTER } from "./filter/filter.js";
import { FilterBar } from "./filter/FilterBar.js";
import { LoadingBar } from "./sync/LoadingBar.js";
import { NetworkToggle } from "./sync/NetworkToggle.js";
import { RefusedChanges } from "./sync/RefusedChanges.js";
import { ServerCount } from "./sync/ServerCount.js";
import { SyncIndicator } from "./sync/SyncIndicator.js";
import { TaskPanel } from "./task/TaskPanel.js";
import { ThemeToggle } from "./ui/ThemeToggle.js";
import { Toaster } from "./ui/Toaster.js";

export function App() {
  const [filter, setFilter] = useState(NO_FILTER);
  const [openId, setOpenId] = useState<string | null>(null);
  const totals = useTotals();
  const empty = totals.todo + totals.doing + totals.done === 0;

  const close = useCallback(() => {
    setOpenId(null);
    if (openId) focusTask(openId);
  }, [openId]);

  return (
    <div className="app">
      <header>
        <LoadingBar />
        <div className="masthead">
          <h1 className="brand">
            <img src="/favicon.svg" alt="Slate" width="22" height="22" />
            <span aria-hidden="true">Slate</span>
          </h1>
          <SyncIndicator />
          <NetworkToggle />
          <ThemeToggle />
          <BoardMenu totals={totals} />
        </div>
        <div className="bar">
          <FilterBar filter={filter} onChange={setFilter} />
          <ServerCount />
        </div>
      </header>
      <div className="stage">
        <main className="board-area" aria-label="Tasks">
          {empty && <EmptyBoard />}
          <Board filter={filter} totals={totals} openId={openId} onOpen={setOpenId} />
        </main>
        {openId && <TaskPanel key={openId} id={openId} onClose={close} />}
      </div>
      <div className="notices">
        <RefusedChanges />
        <Toaster />
      </div>
    </div>
  );
}
