// An error inside templates, which the compiler explains at length.
#include <algorithm>
#include <map>
#include <string>
#include <vector>

struct Unordered {
    std::string name;
};

int main() {
    std::map<Unordered, std::vector<std::string>> map;
    map[Unordered{"a"}].push_back("b");
    std::vector<Unordered> list(3);
    std::sort(list.begin(), list.end());
    list.push_back(map);
    return lst.size();
}
