// A unit that instantiates much of the standard library; templates.cc calls it.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <future>
#include <iomanip>
#include <iostream>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <random>
#include <ranges>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <unordered_map>
#include <variant>
#include <vector>

std::string words(std::size_t n) {
    std::mt19937 random(42);
    std::string text;
    for (std::size_t i = 0; i < n; i++) {
        text += "w" + std::to_string(random() % 500) + (i % 9 == 0 ? "\n" : " ");
    }
    return text;
}

std::map<std::string, std::vector<std::size_t>> index_of(const std::string &text) {
    std::map<std::string, std::vector<std::size_t>> index;
    const std::regex word("w([0-9]+)");
    for (std::sregex_iterator at(text.begin(), text.end(), word), end; at != end; ++at) {
        index[(*at)[1]].push_back(static_cast<std::size_t>(at->position()));
    }
    return index;
}

using Value = std::variant<long, double, std::string, std::vector<long>>;

std::string shown(const Value &value) {
    std::ostringstream out;
    std::visit(
        [&out](const auto &v) {
            if constexpr (std::is_same_v<std::decay_t<decltype(v)>, std::vector<long>>) {
                out << std::accumulate(v.begin(), v.end(), 0L);
            } else {
                out << std::setprecision(6) << v;
            }
        },
        value);
    return out.str();
}

long in_parallel(int threads, long n) {
    std::vector<std::future<long>> parts;
    for (int t = 0; t < threads; t++) {
        parts.push_back(std::async(std::launch::async, [t, n] {
            std::unordered_map<std::string, std::shared_ptr<std::set<long>>> sets;
            for (long i = 0; i < n; i++) {
                auto &set = sets["key " + std::to_string((i * 31 + t) % 997)];
                if (!set)
                    set = std::make_shared<std::set<long>>();
                set->insert(i % 61);
                if (set->size() > 50)
                    set.reset();
            }
            long sum = 0;
            for (const auto &entry : sets)
                sum += entry.second ? static_cast<long>(entry.second->size()) : 0;
            return sum;
        }));
    }
    long sum = 0;
    for (auto &part : parts)
        sum += part.get();
    return sum;
}
