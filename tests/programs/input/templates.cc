// Template work for the compiler, and a main that runs the result.
#include <array>
#include <cstdio>
#include <map>
#include <ranges>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

std::string words(std::size_t n);
std::map<std::string, std::vector<std::size_t>> index_of(const std::string &text);
using Value = std::variant<long, double, std::string, std::vector<long>>;
std::string shown(const Value &value);
long in_parallel(int threads, long n);

template <std::size_t N> struct Fibonacci {
    static constexpr unsigned long value = Fibonacci<N - 1>::value + Fibonacci<N - 2>::value;
};
template <> struct Fibonacci<0> { static constexpr unsigned long value = 0; };
template <> struct Fibonacci<1> { static constexpr unsigned long value = 1; };

template <std::size_t... I> constexpr auto row(std::index_sequence<I...>) {
    return std::make_tuple(std::array<int, I + 1>{}...);
}

template <std::size_t N> struct Level {
    Level<N - 1> left, right;
    std::map<int, std::array<char, N>> held;
    std::size_t size() const { return left.size() + right.size() + held.size() + N; }
};
template <> struct Level<0> {
    std::size_t size() const { return 1; }
};

constexpr auto primes = [] {
    std::array<bool, 8000> composite{};
    for (std::size_t i = 2; i * i < composite.size(); i++) {
        if (composite[i])
            continue;
        for (std::size_t k = i * i; k < composite.size(); k += i)
            composite[k] = true;
    }
    return composite;
}();

template <typename... Steps> auto chain(Steps... steps) {
    return [steps...](auto value) {
        ((value = steps(std::move(value))), ...);
        return value;
    };
}

int main() {
    const auto table = row(std::make_index_sequence<120>{});
    std::printf("%lu %zu %zu\n", Fibonacci<90>::value, std::tuple_size_v<decltype(table)>,
                Level<9>{}.size());
    std::size_t n = 0;
    for (std::size_t i = 2; i < primes.size(); i++)
        n += !primes[i];
    std::printf("%zu\n", n);
    const auto index = index_of(words(40000));
    std::size_t sum = 0;
    for (const auto &[word, places] : index | std::views::reverse | std::views::take(300))
        sum += places.back() * word.size();
    std::printf("%zu %zu\n", index.size(), sum);
    for (const Value &v :
         {Value(42L), Value(2.5), Value(std::string(30, 'v')), Value(std::vector<long>(100, 7))})
        std::printf("%s\n", shown(v).c_str());
    const auto steps =
        chain([](std::string s) { return s + s; }, [](std::string s) { return "<" + s + ">"; });
    std::string text = "x";
    for (int i = 0; i < 16; i++)
        text = steps(text);
    std::printf("%zu %ld\n", text.size(), in_parallel(4, 60000));
}
