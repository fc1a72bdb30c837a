import Base
import Checkpoints
import TestSupport
import Testing

/// Unusual archives that a reader must accept.
@Suite struct ArchiveAcceptanceTests {
  private let model = GGUFBytes.valid().bytes

  @Test func foldersAndDotsAreRead() throws {
    let folder = try ScratchFolder()
    let path = try folder.add(
      "x.tar",
      tar {
        $0.add("./", [], type: "5")
        $0.add("./a/", [], type: "5")
        $0.add("./a/m.gguf", model)
        $0.add("./a/._m.gguf", [1, 2])
        $0.add("./notes.txt", [1])
      })
    #expect(try Checkpoint.open(path).tensors["t"] != nil)
  }

  /// A member at an odd offset: every reader of numbers takes any alignment.
  @Test func unalignedMember() throws {
    let folder = try ScratchFolder()
    for padding in 0..<4 {
      let path = try folder.add(
        "\(padding).zip",
        zip {
          $0.add(String(repeating: "n", count: padding + 1), [UInt8](repeating: 1, count: padding))
          $0.add("m.gguf", model)
        })
      #expect(try Checkpoint.open(path).tensors["t"]?.decoded().count == 8)
    }
  }

  @Test func shardsInAnArchive() throws {
    func shard(_ number: UInt16) -> [UInt8] {
      var file = GGUFBytes.valid()
      if number > 0 { file.keys = [] }
      file.keys.append(GGUFBytes.key("split.no", 2, little(number)))
      file.keys.append(GGUFBytes.key("split.count", 2, little(UInt16(2))))
      file.tensors = [.init("t\(number)")]
      return file.bytes
    }
    let folder = try ScratchFolder()
    let path = try folder.add(
      "x.tar",
      tar {
        $0.add("m-00002-of-00002.gguf", shard(1))
        $0.add("m-00001-of-00002.gguf", shard(0))
      })
    #expect(try Checkpoint.open(path).tensors.keys == ["t0", "t1"])
  }

  @Test func safetensorsOfAnyName() throws {
    let folder = try ScratchFolder()
    let path = try folder.add(
      "x.zip",
      zip {
        $0.add("weights.safetensors", safetensors("{}"))
        $0.add("config.json", Array("{}".utf8))
      })
    #expect(try Checkpoint.open(path).configuration != nil)
  }
}
