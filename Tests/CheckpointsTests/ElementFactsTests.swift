import Base
import Tensors
import Testing

/// What the rows of the element types say, beside the gguf package's own table.
@Suite struct ElementFactsTests {
  @Test func numbersAndBlocksAreThoseOfGGUF() throws {
    let types = ElementType.allCases.filter { $0.facts.ggml != nil }
    #expect(types.count == 31)
    guard let published = try Python.read("element_types.py", "") else { return }
    for type in types {
      let entry = try #require(published[type.rawValue.uppercased()]?.array, "\(type)")
      let (number, elements, bytes) = (entry[0].int, entry[1].int, entry[2].int)
      #expect(type.facts.ggml.map { Int($0) } == number, "\(type)")
      #expect(type.elementsPerBlock == elements, "\(type)")
      #expect(type.bytesPerBlock == bytes, "\(type)")
    }
  }

  @Test func noTwoTypesHaveANameOrNumberInCommon() {
    let numbers = ElementType.allCases.compactMap(\.facts.ggml)
    #expect(Set(numbers).count == numbers.count)
    let names = ElementType.allCases.compactMap(\.facts.safetensors)
    #expect(Set(names).count == names.count)
    #expect(ElementType.allCases.allSatisfy { $0.facts.ggml != nil || $0.facts.safetensors != nil })
  }

  /// Blocks are stored in no container but GGUF, and only they are weighted by columns.
  @Test func whatIsWeightedIsEncodedInBlocks() {
    for type in ElementType.allCases where type.usesImportance {
      #expect(type.isQuantized && Encoding.encodesBlocks(type), "\(type)")
    }
    #expect(!ElementType.q8_0.usesImportance && !ElementType.mxfp4.usesImportance)
    #expect(ElementType.q4_k.usesImportance && ElementType.iq4_xs.usesImportance)
  }
}
