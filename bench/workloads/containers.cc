/*
 * containers: C++ strings, vectors and maps.
 *
 * An inverted index over generated text: words as std::string, postings as
 * std::vector in a std::map and a std::unordered_map, documents that come and
 * go, results that are copied and sorted. All memory comes from operator new
 * with its sized delete, in the sizes that the standard library asks for.
 *
 * containers [documents] [words per document]
 */
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace {

class Rng {
  public:
    explicit Rng(std::uint64_t seed) : state_(seed) {}

    std::size_t below(std::size_t bound) {
        state_ = state_ * 6364136223846793005u + 1442695040888963407u;
        return static_cast<std::size_t>(((state_ >> 32) * bound) >> 32);
    }

  private:
    std::uint64_t state_;
};

std::string make_word(Rng &rng) {
    /* Two words of one id are equal, some fit into the string object, some do not. */
    std::size_t id = rng.below(1 + rng.below(20000));
    std::string word = std::to_string(id * 7919);
    for (std::size_t i = 0; i < id % 5; i++) {
        word += "-suffix";
    }
    return word;
}

struct Document {
    std::uint32_t id;
    std::vector<std::string> words;
};

class Index {
  public:
    void add(std::shared_ptr<Document> document) {
        for (const std::string &word : document->words) {
            std::vector<std::uint32_t> &posting = postings_[word];
            if (posting.empty() || posting.back() != document->id) {
                posting.push_back(document->id);
            }
            lengths_[word.size()][word]++;
        }
        documents_.push_back(std::move(document));
    }

    void drop_oldest() {
        std::shared_ptr<Document> document = documents_.front();
        documents_.pop_front();
        for (const std::string &word : document->words) {
            auto found = postings_.find(word);
            if (found != postings_.end()) {
                std::vector<std::uint32_t> &ids = found->second;
                ids.erase(std::remove(ids.begin(), ids.end(), document->id), ids.end());
                if (ids.empty()) {
                    postings_.erase(found);
                }
            }
            auto &same_length = lengths_[word.size()];
            if (--same_length[word] == 0) {
                same_length.erase(word);
            }
        }
    }

    std::vector<std::uint32_t> both(const std::string &a, const std::string &b) const {
        std::vector<std::uint32_t> result;
        auto first = postings_.find(a), second = postings_.find(b);
        if (first != postings_.end() && second != postings_.end()) {
            std::set_intersection(first->second.begin(), first->second.end(),
                                  second->second.begin(), second->second.end(),
                                  std::back_inserter(result));
        }
        return result;
    }

    std::size_t documents() const { return documents_.size(); }

  private:
    std::unordered_map<std::string, std::vector<std::uint32_t>> postings_;
    std::map<std::size_t, std::map<std::string, std::uint32_t>> lengths_;
    std::deque<std::shared_ptr<Document>> documents_;
};

} // namespace

int main(int argc, char **argv) {
    std::uint32_t count = argc > 1 ? static_cast<std::uint32_t>(std::atol(argv[1])) : 10000;
    std::size_t length = argc > 2 ? static_cast<std::size_t>(std::atol(argv[2])) : 150;
    Rng rng(23);
    Index index;
    std::uint64_t checksum = 0;
    for (std::uint32_t id = 0; id < count; id++) {
        auto document = std::make_shared<Document>();
        document->id = id;
        for (std::size_t i = 0; i < length; i++) {
            document->words.push_back(make_word(rng));
        }
        index.add(document);
        if (index.documents() > 500) {
            index.drop_oldest();
        }
        for (std::size_t i = 0; i < 10; i++) {
            checksum = checksum * 31 + index.both(make_word(rng), make_word(rng)).size();
        }
    }
    std::cout << "checksum " << std::hex << checksum << '\n';
    return 0;
}
