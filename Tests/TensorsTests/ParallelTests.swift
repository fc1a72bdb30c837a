import Base
import Synchronization
import Tensors
import Testing

@Suite struct ParallelTests {
  @Test(arguments: [0, 1, 2, 100, 10_000], [0, 1, 2, 7])
  func everyUnitOnce(count: Int, threads: Int) {
    let seen = Mutex([Int](repeating: 0, count: count))
    let workers = Mutex(Set<Int>())
    Parallel.forEach(count: count, threads: threads) { unit, worker in
      seen.withLock { $0[unit] += 1 }
      _ = workers.withLock { $0.insert(worker) }
    }
    #expect(seen.withLock { $0.allSatisfy { $0 == 1 } })
    #expect(workers.withLock { $0.allSatisfy { (0..<max(threads, 1)).contains($0) } })
  }

  @Test func workersAreNotShared() {
    // Units on the same worker never overlap: each worker's counter needs no lock.
    let counters = FloatBuffer(count: 4)
    Parallel.forEach(count: 20_000, threads: 4) { _, worker in counters.pointer[worker] += 1 }
    #expect((0..<4).reduce(0) { $0 + counters.pointer[$1] } == 20_000)
  }

  @Test func nested() {
    let total = Atomic(0)
    Parallel.forEach(count: 10, threads: 3) { _, _ in
      Parallel.forEach(count: 10, threads: 3) { _, _ in
        total.add(1, ordering: .relaxed)
      }
    }
    #expect(total.load(ordering: .relaxed) == 100)
  }

  @Test func manyCallersAtOnce() async {
    await withTaskGroup(of: Int.self) { group in
      for _ in 0..<8 {
        group.addTask {
          let total = Atomic(0)
          for _ in 0..<200 {
            Parallel.forEach(count: 5, threads: 3) { _, _ in total.add(1, ordering: .relaxed) }
          }
          return total.load(ordering: .relaxed)
        }
      }
      for await total in group { #expect(total == 1000) }
    }
  }
}
